#pragma once
// What the header of a LUKS volume says in the clear.

#include "analyze/volume/partition.h"

namespace kanshiki::luks {

struct Header {
    unsigned version = 0;
    std::string uuid, label;
    std::string cipher;                // "aes-xts-plain64"
    std::vector<std::string> keyslots; // those in use: "0: argon2id, 1048576 KiB, 4 passes"
    uint64_t offset = 0;               // of the encrypted bytes in the volume
    std::optional<uint64_t> size;      // of them; nothing: all the rest
    uint32_t sector_size = 512;        // of encryption
    uint64_t first_iv = 0;             // number of the first sector, in units of 512 bytes
    uint32_t key_size = 0;             // bytes
    std::string unopenable;            // why it cannot be opened, whatever the key; empty: it can
    std::vector<std::string> faults;   // damage; one line each
};

// Nothing when there is neither a header nor, for LUKS2, its second copy at the default place. disk.read is asked only
// inside [0, disk.size).
std::optional<Header> read_header(const volume::Disk& disk);

// "LUKS2 encrypted volume 8b75…, aes-xts-plain64, keyslots 0: argon2id …"
std::string describe(const Header& header);

} // namespace kanshiki::luks
