#include "acquire/source/device_identity.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <linux/fs.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

// One sysfs attribute, without the spaces that firmware pads with.
std::string attribute(const fs::path& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    const size_t first = line.find_first_not_of(' '), last = line.find_last_not_of(' ');
    return first == std::string::npos ? "" : line.substr(first, last - first + 1);
}

std::string device_number(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return "";
    return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

void add(DeviceFacts& facts, const std::string& name, const std::string& value) {
    if (!value.empty()) facts.identity.emplace_back(name, value);
}

} // namespace

DeviceFacts ask_device(int fd, const std::string& path) {
    DeviceFacts facts;
    unsigned int physical = 0;
    int logical = 0;
    if (::ioctl(fd, BLKGETSIZE64, &facts.size) != 0 || ::ioctl(fd, BLKSSZGET, &logical) != 0 || logical < 512)
        throw Error(ExitCode::refused, path + ": does not tell its size: " + std::strerror(errno));
    facts.logical_sector = static_cast<uint32_t>(logical);
    facts.physical_sector = ::ioctl(fd, BLKPBSZGET, &physical) == 0 ? physical : facts.logical_sector;

    const std::string number = device_number(fd);
    std::error_code ignored;
    fs::path node = fs::canonical("/sys/dev/block/" + number, ignored);
    add(facts, "device_number", number);
    if (fs::exists(node / "partition", ignored)) {
        add(facts, "partition", attribute(node / "partition"));
        node = node.parent_path();
        add(facts, "partition_of", node.filename().string());
    }
    add(facts, "model", attribute(node / "device/model"));
    add(facts, "serial", attribute(node / "device/serial"));
    add(facts, "wwid", attribute(node / "wwid"));
    add(facts, "backing_file", attribute(node / "loop/backing_file"));
    return facts;
}

std::string who_uses(int fd) {
    const std::string number = device_number(fd);
    std::error_code ignored;
    const fs::path node = fs::canonical("/sys/dev/block/" + number, ignored);
    std::vector<std::string> numbers{number};
    for (const auto& child : fs::directory_iterator(node, ignored))
        if (fs::exists(child.path() / "partition", ignored)) numbers.push_back(attribute(child.path() / "dev"));
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string id, parent, device, root, point;
        words >> id >> parent >> device >> root >> point;
        for (const std::string& ours : numbers)
            if (device == ours) return "mounted on " + point;
    }
    for (const auto& holder : fs::directory_iterator(node / "holders", ignored))
        return "held by " + holder.path().filename().string();
    return "held exclusively (a mount in another namespace, swap, RAID or LVM)";
}

std::string writable_loop_over(const std::string& path) {
    std::error_code ignored;
    const fs::path file = fs::canonical(path, ignored);
    for (const fs::directory_entry& entry : fs::directory_iterator("/sys/class/block", ignored)) {
        if (!entry.path().filename().string().starts_with("loop")) continue;
        std::ifstream in(entry.path() / "loop/backing_file");
        std::string backing;
        if (!std::getline(in, backing) || backing != file.string()) continue;
        if (attribute(entry.path() / "ro") == "0")
            return "behind the writable /dev/" + entry.path().filename().string();
    }
    return "";
}

} // namespace kanshiki
