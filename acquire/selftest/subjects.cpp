#include "acquire/selftest/subjects.h"

#include "acquire/selftest/model_disk.h"
#include "acquire/selftest/oracle.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <fstream>

namespace kanshiki::selftest {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t mib = 1 << 20;

// At the beginning, in the middle of a chunk, a run across two chunks, two that are neighbours with another error, one
// in zeros, the last.
std::vector<Bad> some_faults(uint64_t size, uint32_t sector) {
    const auto at = [&](uint64_t offset, uint64_t sectors, int error) {
        return Bad{{offset / sector * sector, sectors * sector}, error};
    };
    return {at(0, 1, EIO),
            at(700'000, 1, EIO),
            at(2 * mib - 2 * sector, 5, EIO),
            at(3 * mib, 1, EIO),
            at(3 * mib + sector, 1, ETIMEDOUT),
            at(5 * mib + 40 * sector, 130, ENODATA),
            at(size - sector, 1, EIO)};
}

Disk faulty_disk(uint64_t size, uint32_t sector) {
    return {"faulty-" + std::to_string(sector), sector, numbered_sectors(size, sector), some_faults(size, sector)};
}

void write_file(const fs::path& file, std::span<const std::byte> bytes) {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush())
        throw Error(ExitCode::destination, file.string() + ": cannot be written; give another folder with -o");
}

} // namespace

std::vector<std::byte> Disk::expected() const {
    std::vector<std::byte> out = content;
    for (const Bad& fault : faults)
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(fault.range.offset), fault.range.size, std::byte{0});
    return out;
}

Subjects::Subjects(fs::path folder, std::string plant, std::stop_token stop)
    : folder_(std::move(folder)), plant_(std::move(plant)), stop_(std::move(stop)) {
    constexpr uint64_t odd_tail = 3 * 512; // so that the size is no multiple of any block's
    clean_ = {"clean", 512, numbered_sectors(40 * mib + odd_tail, 512), {}};
    faulty_.push_back(faulty_disk(8 * mib + odd_tail, 512));
    faulty_.push_back(faulty_disk(8 * mib + 4096, 4096));
    write_file(source_file(), clean_.content);
    const auto make = [&](const Disk& disk) {
        try {
            acquire_image(acquisition_of(disk, folder_ / disk.name / "disk.img"));
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted) throw;
            went_wrong_[disk.name] = error.what();
        }
    };
    make(clean_);
    std::for_each(faulty_.begin(), faulty_.end(), make);
}

AcquireOptions Subjects::acquisition_of(const Disk& disk, const fs::path& image) const {
    AcquireOptions options;
    options.images = {image};
    options.digests = {DigestAlgorithm::sha256, DigestAlgorithm::md5, DigestAlgorithm::sha1, DigestAlgorithm::sha512};
    options.arguments = {"kanshiki", "selftest"};
    options.source = source_file().string();
    options.open_with = [this, &disk, spec = options.source](const OpenOptions& how, Events& events) {
        auto source = disk.faults.empty() ? open_source(spec, how, events, stop_)
                                          : std::make_unique<ModelDisk>(disk.content, disk.sector, disk.faults);
        return selftest::planted(std::move(source), plant_, !disk.faults.empty());
    };
    return options;
}

void Subjects::acquire_image(const AcquireOptions& options) const {
    NoEvents events;
    fs::create_directories(options.images.front().parent_path());
    acquire(options, events, stop_);
}

fs::path Subjects::image_of(const Disk& disk) const {
    const auto wrong = went_wrong_.find(disk.name);
    if (wrong != went_wrong_.end()) throw Error(ExitCode::internal, "there is no image of it: " + wrong->second);
    return folder_ / disk.name / "disk.img";
}

fs::path Subjects::copy_of(const Disk& disk, const std::string& name) const {
    const fs::path image = image_of(disk), copy = folder_ / name / image.filename();
    fs::remove_all(copy.parent_path());
    fs::copy(image.parent_path(), copy.parent_path());
    return copy;
}

} // namespace kanshiki::selftest
