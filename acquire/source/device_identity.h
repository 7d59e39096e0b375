#pragma once
// What a block device says of itself, through ioctl and sysfs.

#include "kanshiki/block_source.h"

namespace kanshiki {

struct DeviceFacts {
    uint64_t size = 0;
    uint32_t logical_sector = 512, physical_sector = 512;
    std::vector<std::pair<std::string, std::string>> identity; // model, serial, wwid, device number, partition of …
};

DeviceFacts ask_device(int fd, const std::string& path); // Error{refused} when it does not answer

// Who holds the device, as far as /proc and /sys of this mount namespace show it: "mounted on /mnt", "swap" …
std::string who_uses(int fd);

// A regular file: "behind the writable /dev/loop3", when a loop device may change it; else empty.
std::string writable_loop_over(const std::string& path);

} // namespace kanshiki
