#pragma once
// A logical volume's bytes, read from the physical volumes that its map names.

#include "analyze/volume/lvm/segment_map.h"
#include "kanshiki/volume.h"

namespace kanshiki::lvm {

// Where each physical volume of a group is: a volume of the source (partition, whole disk, opened LUKS); or nowhere.
using Places = std::vector<std::optional<Volume>>;

class LogicalVolume final : public VolumeContent {
public:
    LogicalVolume(BlockSource& source, const std::string& name, std::shared_ptr<const SegmentMap> map,
                  std::shared_ptr<const Places> places);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;
    std::vector<Part> locate(Range within) const override;
    std::vector<Range> storage(Range within) const override;
    bool encrypted() const override { return encrypted_; }

private:
    void read_piece(const Piece& piece, Read& read, std::stop_token stop);

    BlockSource& source_;
    const std::shared_ptr<const SegmentMap> map_;
    const std::shared_ptr<const Places> places_;
    SourceInfo info_;
    bool encrypted_ = false;
};

} // namespace kanshiki::lvm
