#include "analyze/filesystem/ext/shared.h"

#include <map>
#include <tuple>

namespace kanshiki::ext {

std::shared_ptr<Shared> shared_for(const BlockSource& source, Range volume) {
    static std::mutex mutex;
    static std::map<std::tuple<const BlockSource*, uint64_t, uint64_t>, std::weak_ptr<Shared>> known;
    const std::lock_guard lock(mutex);
    std::erase_if(known, [](const auto& each) { return each.second.expired(); });
    auto& slot = known[{&source, volume.offset, volume.size}];
    auto found = slot.lock();
    if (!found) slot = found = std::make_shared<Shared>();
    return found;
}

} // namespace kanshiki::ext
