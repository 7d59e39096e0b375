#include "analyze/triage/packed_info.h"

namespace kanshiki {
namespace {

// Bits of the first number; the type takes the lowest four.
enum Bit : uint64_t {
    bit_allocated = 1 << 4,
    bit_flags = 1 << 5,  // attributes and flags follow
    bit_device = 1 << 6, // its numbers follow
    bit_target = 1 << 7,
    bit_time = 1 << 8,  // << the time's place in `times`: there is one
    bit_same = 1 << 13, // likewise: and it equals the one before
};

constexpr std::optional<Timestamp> FileInfo::*times[] = {&FileInfo::modified, &FileInfo::changed, &FileInfo::created,
                                                         &FileInfo::accessed, &FileInfo::deleted};

constexpr size_t most_numbers = 22;

} // namespace

void pack(const FileInfo& info, std::string& out) {
    static_assert(sizeof(FileInfo) == 216, "a new field must be packed too");
    uint64_t bits = static_cast<uint64_t>(info.type);
    if (info.allocated) bits |= bit_allocated;
    if (info.attributes != 0 || info.flags != 0) bits |= bit_flags;
    if (info.major != 0 || info.minor != 0) bits |= bit_device;
    if (!info.symlink_target.empty()) bits |= bit_target;
    Timestamp before;
    for (unsigned place = 0; place < std::size(times); place++) {
        const auto& time = info.*times[place];
        if (!time) continue;
        bits |= uint64_t{bit_time} << place | (*time == before ? uint64_t{bit_same} << place : 0);
        before = *time;
    }
    char bytes[most_numbers * longest_number];
    char* at = put_number(bytes, bits);
    for (const uint64_t value :
         {info.inode, uint64_t{info.mode}, uint64_t{info.uid}, uint64_t{info.gid}, uint64_t{info.links}, info.size})
        at = put_number(at, value);
    if (bits & bit_flags) at = put_number(put_number(at, info.attributes), info.flags);
    if (bits & bit_device) at = put_number(put_number(at, info.major), info.minor);
    before = {};
    for (unsigned place = 0; place < std::size(times); place++) {
        const auto& time = info.*times[place];
        if (!time || bits >> place & bit_same) continue;
        const uint64_t seconds = static_cast<uint64_t>(time->seconds) - static_cast<uint64_t>(before.seconds);
        at = put_number(put_number(at, folded(seconds)), time->nanoseconds);
        before = *time;
    }
    if (bits & bit_target) at = put_number(at, info.symlink_target.size());
    out.append(bytes, static_cast<size_t>(at - bytes));
    out += info.symlink_target;
}

const char* unpack(const char* at, FileInfo& info) {
    const auto next = [&] {
        uint64_t value = 0;
        at = get_number(at, value);
        return value;
    };
    const uint64_t bits = next();
    info.type = static_cast<FileType>(bits & 15);
    info.allocated = (bits & bit_allocated) != 0;
    info.inode = next();
    info.mode = static_cast<uint32_t>(next());
    info.uid = static_cast<uint32_t>(next());
    info.gid = static_cast<uint32_t>(next());
    info.links = static_cast<uint32_t>(next());
    info.size = next();
    info.attributes = bits & bit_flags ? static_cast<uint32_t>(next()) : 0;
    info.flags = bits & bit_flags ? next() : 0;
    info.major = bits & bit_device ? static_cast<uint32_t>(next()) : 0;
    info.minor = bits & bit_device ? static_cast<uint32_t>(next()) : 0;
    Timestamp before;
    for (unsigned place = 0; place < std::size(times); place++) {
        auto& time = info.*times[place];
        time.reset();
        if (!(bits >> place & bit_time)) continue;
        if (!(bits >> place & bit_same)) {
            before.seconds = static_cast<int64_t>(static_cast<uint64_t>(before.seconds) + unfolded(next()));
            before.nanoseconds = static_cast<uint32_t>(next());
        }
        time = before;
    }
    const size_t size = bits & bit_target ? static_cast<size_t>(next()) : 0;
    info.symlink_target.assign(at, size);
    return at + size;
}

} // namespace kanshiki
