#pragma once
// From a key or a passphrase to the key of the volume, by libcryptsetup.

#include "acquire/block/file_descriptor.h"
#include "analyze/volume/partition.h"

namespace kanshiki::luks {

// Before the jail shuts: libcryptsetup opens /dev/urandom when it is first used.
void prepare_unlocking();

class KeySlots {
public:
    // Copies the first `size` bytes of the volume, which hold its header and keyslots, to where libcryptsetup reads
    // them: a file in memory. Throws Error{internal} when there is none to be had.
    KeySlots(const volume::Disk& disk, uint64_t size);

    // The volume's key, or nothing when `key` opens none of the keyslots. Throws Error{never_valid}: a header that
    // makes no sense to libcryptsetup. May take seconds.
    std::optional<std::vector<std::byte>> open(const std::string& key);

private:
    FileDescriptor file_;
};

} // namespace kanshiki::luks
