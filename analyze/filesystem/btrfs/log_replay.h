#pragma once
// The log tree: what was fsynced after the last commit. The kernel writes it into the trees when it mounts; here it is
// laid over them in memory, by the same rules.

#include "analyze/filesystem/btrfs/commits.h"

namespace kanshiki::btrfs {

// Gives `commits` what the log makes of its trees, and says so in `notices`: what of it cannot be used too.
void replay_log(const Superblock& super, TreeReader& trees, Commits& commits, std::vector<std::string>& notices);

} // namespace kanshiki::btrfs
