#pragma once
// Copy on write leaves the nodes of older commits where they were until their place is used again: what a subvolume
// held then and does not hold now.

#include "analyze/filesystem/btrfs/commits.h"
#include "analyze/filesystem/btrfs/file_content.h"

namespace kanshiki::btrfs {

// Limits of one call of FileSystem::orphans.
struct OlderCommitBudget {
    uint64_t nodes = 16 * 1024;            // to be read
    uint64_t content = uint64_t{64} << 20; // bytes of files, compared with their checksums of then
};

class OlderCommit {
public:
    // content: to be read without telling anybody of wrong checksums.
    OlderCommit(uint8_t commit, TreeReader& trees, Commits& commits, FileContent& content, OlderCommitBudget& budget)
        : commit_(commit), trees_(trees), commits_(commits), content_(content), budget_(budget) {}

    // Every inode of the subvolume, as it was then, that is not in it now. Nodes that have been overwritten are passed
    // over. Returns false when the budget ended it.
    struct Lost {
        uint64_t objectid = 0;
        FileInfo info;
        std::string name; // its last
        Certainty certainty = Certainty::possible;
    };
    bool compare(const Subvolume& then, const std::optional<Subvolume>& now,
                 const std::function<void(const Lost&)>& lost);

private:
    bool node(const std::shared_ptr<const Node>& node);
    void leaf(const Node& node);
    Certainty judge(uint64_t objectid, const FileInfo& info);
    std::string name_of(uint64_t objectid);

    const uint8_t commit_;
    TreeReader& trees_;
    Commits& commits_;
    FileContent& content_;
    OlderCommitBudget& budget_;
    const Subvolume* then_ = nullptr;
    const std::optional<Subvolume>* now_ = nullptr;
    const std::function<void(const Lost&)>* lost_ = nullptr;
};

} // namespace kanshiki::btrfs
