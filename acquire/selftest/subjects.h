#pragma once
// What the assertions are about: the disks, and the images that were made of them.

#include "acquire/acquisition/acquisition.h"
#include "acquire/selftest/plants.h"

namespace kanshiki::selftest {

struct Disk {
    std::string name;
    uint32_t sector = 512;
    std::vector<std::byte> content; // without the faults
    std::vector<Bad> faults;
    // What an image of it must be: zeros where a sector is unreadable.
    std::vector<std::byte> expected() const;
};

class Subjects {
public:
    // Makes the disks below `folder` and images them.
    Subjects(std::filesystem::path folder, std::string plant, std::stop_token stop);

    bool planted(std::string_view name) const { return plant_ == name; }
    const std::stop_token& stop() const { return stop_; }
    const std::filesystem::path& folder() const { return folder_; }
    const Disk& clean() const { return clean_; }                // a file, without faults
    const std::vector<Disk>& faulty() const { return faulty_; } // in memory; sectors of 512 and of 4096 bytes
    std::filesystem::path source_file() const { return folder_ / "source.img"; }
    // The image of a disk; throws what the acquisition threw.
    std::filesystem::path image_of(const Disk& disk) const;
    std::filesystem::path copy_of(const Disk& disk, const std::string& folder) const; // with its companions
    AcquireOptions acquisition_of(const Disk& disk, const std::filesystem::path& image) const;
    void acquire_image(const AcquireOptions& options) const;

private:
    std::filesystem::path folder_;
    std::string plant_;
    std::stop_token stop_;
    Disk clean_;
    std::vector<Disk> faulty_;
    std::map<std::string, std::string> went_wrong_; // disk -> why there is no image of it
};

// What is not worth showing during a selftest.
class NoEvents final : public Events {
public:
    void report(const Event&) override {}
    void progress(const Progress&) override {}
};

} // namespace kanshiki::selftest
