#include "analyze/filesystem/tsk/image.h"
#include "analyze/volume/partition.h"

namespace kanshiki::volume {

std::optional<Table> read_other_tables(BlockSource& source, std::stop_token stop) {
    const auto image = std::make_unique<tsk::Image>(source, Range{0, source.info().size.value_or(0)}, stop);
    if (image->reader.size() < 64 * 1024) return std::nullopt;
    for (const TSK_VS_TYPE_ENUM type : {TSK_VS_TYPE_BSD, TSK_VS_TYPE_SUN, TSK_VS_TYPE_MAC}) {
        TSK_VS_INFO* opened = tsk_vs_open(&image->info, 0, type);
        if (opened == nullptr) {
            tsk_error_reset();
            image->rethrow();
            continue;
        }
        const std::unique_ptr<TSK_VS_INFO, decltype(&tsk_vs_close)> table(opened, tsk_vs_close);
        Table result;
        result.scheme = type == TSK_VS_TYPE_BSD ? "bsd" : type == TSK_VS_TYPE_SUN ? "sun" : "mac";
        result.sector = table->block_size;
        unsigned number = 1;
        for (const TSK_VS_PART_INFO* part = table->part_list; part != nullptr && number <= 1024; part = part->next) {
            if (part->flags != TSK_VS_PART_FLAG_ALLOC) continue;
            result.partitions.push_back({number++, part->start, part->len, part->desc == nullptr ? "" : part->desc});
        }
        if (!result.partitions.empty()) return result;
    }
    return std::nullopt;
}

} // namespace kanshiki::volume
