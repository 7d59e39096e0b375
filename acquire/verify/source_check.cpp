#include "acquire/verify/source_check.h"

#include "acquire/verify/leaf_check.h"
#include "kanshiki/pipeline.h"

namespace kanshiki {

SourceComparison compare_with_source(const std::filesystem::path& image, BlockSource& source, unsigned threads,
                                     Events& events, std::stop_token stop) {
    const Companions files = Companions::of(image);
    ChunkListReader list(files.chunks);
    SourceComparison out;
    out.uri = source.info().uri;
    PipelineOptions options;
    options.digests.clear();
    options.threads = threads;
    options.phase = "compare with the source";

    class Observer final : public LeafObserver {
    public:
        Observer(ChunkListReader& leaves, SourceComparison& result) : leaves_(leaves), result_(result) {}
        void leaf(const LeafRun& run) override {
            for (const Bad& bad : run.bad) result_.unreadable += bad.range.size;
            for (uint64_t i = 0; i < run.count; ++i) {
                const uint64_t offset = run.range.offset + i * chunk_size;
                if (run.first + i < leaves_.size() && leaves_[run.first + i] == run.leaf) continue;
                add({offset, std::min(chunk_size, run.range.end() - offset)});
            }
        }

    private:
        void add(Range range) {
            if (!result_.differing.empty() && result_.differing.back().end() == range.offset)
                result_.differing.back().size += range.size;
            else
                result_.differing.push_back(range);
        }
        ChunkListReader& leaves_;
        SourceComparison& result_;
    } observer(list, out);

    Pipeline pipeline(options, events);
    pipeline.run(source, {}, {}, &observer, nullptr, stop);
    const PipelineResult read = pipeline.finish();
    out.size = read.size;
    out.missing_chunks = read.chunks < list.size() ? list.size() - read.chunks : 0;
    return out;
}

} // namespace kanshiki
