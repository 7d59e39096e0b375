#pragma once
// An opened LUKS volume: what is decrypted of the volume that it lies in.

#include "analyze/volume/luks/header.h"
#include "analyze/volume/luks/sector_cipher.h"
#include "kanshiki/volume.h"

namespace kanshiki::luks {

class EncryptedVolume final : public VolumeContent {
public:
    // place: the volume of source that has the header.
    EncryptedVolume(BlockSource& source, Volume place, const Header& header, SectorCipher cipher);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;
    std::vector<Part> locate(Range within) const override;
    std::vector<Range> storage(Range within) const override;
    bool encrypted() const override { return true; }

private:
    void read_sectors(uint64_t offset, std::span<std::byte> into, Read& read, std::stop_token stop);

    BlockSource& source_;
    const Volume place_;
    const uint64_t offset_, first_number_; // where the ciphertext begins; the number of its first sector
    const uint32_t sector_;
    const SectorCipher cipher_;
    SourceInfo info_;
};

} // namespace kanshiki::luks
