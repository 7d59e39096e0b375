#pragma once
// A MountedTree as a file system of this machine. The only files that know libfuse are this one's.

#include "analyze/mount/mounted_tree.h"

#include <filesystem>

struct fuse_session;

namespace kanshiki {

class FuseMount {
public:
    // Mounts; requests wait until serve(). Throws Error{refused} when that is not allowed.
    FuseMount(const std::filesystem::path& folder, bool allow_other);
    ~FuseMount();
    FuseMount(const FuseMount&) = delete;
    FuseMount& operator=(const FuseMount&) = delete;

    // Answers until it is unmounted. threads: at most as many requests at once.
    void serve(MountedTree& tree, unsigned threads);

private:
    MountedTree* tree_ = nullptr; // the callbacks get its address
    fuse_session* session_ = nullptr;
};

} // namespace kanshiki
