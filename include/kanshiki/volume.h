#pragma once
// Which ranges of a source may hold a file system: partitions, LVM2 logical volumes, opened LUKS volumes.

#include "kanshiki/block_source.h"

#include <memory>
#include <string_view>

namespace kanshiki {

// The bytes of a volume that is not one range of the source. Thread-safe where that source is; refers to it, so that
// must outlive it. What the source does not have (a physical volume that is missing) reads as unreadable: ENXIO.
class VolumeContent : public BlockSource {
public:
    struct Part {
        uint64_t offset = 0; // of this content
        Range range;         // of the source whose table has the volume
    };
    // Where these bytes are kept, ascending by offset; what the source does not have is left out. Throws
    // Error{never_valid} when that would be more than a million parts.
    virtual std::vector<Part> locate(Range within) const = 0;
    // The same, where only the source's ranges matter: ascending, joined, so that a volume striped over disks is a few.
    // For volumes of any size.
    virtual std::vector<Range> storage(Range within) const = 0;
    virtual bool encrypted() const { return false; } // what is kept there is their ciphertext
};

struct Volume {
    unsigned number = 0; // from 1 in the table's order; 0 for a source without a table
    Range range;
    std::string description; // what the table says: type and name
    bool allocated = true;   // false: a gap between partitions
    // A logical or an opened encrypted volume has bytes of its own: then `range` is of this source. Null: `range` is of
    // the source whose table this is.
    std::shared_ptr<VolumeContent> content = {};
    std::string name = {};  // that it can be chosen by beside its number: "rocky/root", "luks-UUID"; or empty
    std::string holds = {}; // known without a file system: "LUKS2 encrypted volume, aes-xts-plain64 …"; or empty
    bool opened = false;    // what it holds is in other volumes of the table, so nothing of it is left out

    BlockSource& in(BlockSource& source) const { return content ? *content : source; }
};

struct VolumeTable {
    std::string scheme; // "gpt", "mbr", "none" …
    // Partitions and gaps, then what is in them. A volume has the same number with and without the key of another.
    std::vector<Volume> volumes;
    std::vector<std::string> notices; // what was odd: backup header used, overlaps, beyond the end
};

struct VolumeOptions {
    std::vector<std::string> keys; // bytes, each tried on every encrypted volume
};

// Throws Error{refused} when keys are given and none of them opens anything.
VolumeTable read_volumes(BlockSource& source, const VolumeOptions& options, std::stop_token stop);
VolumeTable read_volumes(BlockSource& source, std::stop_token stop);

// The volume of that number or name, allocated. Error{usage} when there is none, or several have the name.
const Volume& find_volume(const VolumeTable& table, std::string_view wanted);

// Where in the source the bytes of volume's `range` (as its file system tells it) are kept; see VolumeContent::locate.
std::vector<VolumeContent::Part> locate(const Volume& volume, Range range);

std::vector<Range> storage(const Volume& volume, Range range); // see VolumeContent::storage

// The same for people: "source bytes 512 to 1023", "bytes 0 to 511 of rocky/root (source bytes 1536 to 2047)".
std::string place_text(const Volume& volume, Range range);

} // namespace kanshiki
