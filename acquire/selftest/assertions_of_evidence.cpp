#include "acquire/selftest/assertions.h"

#include "acquire/acquisition/conversion.h"
#include "acquire/selftest/oracle.h"
#include "kanshiki/error.h"
#include "kanshiki/verify.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/resource.h>

namespace kanshiki::selftest {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

constexpr uint64_t chunk = 512 * 1024;

// Files of this process can't grow beyond `bytes` while this lives: the kernel refuses, as it does on a full disk.
class SmallFiles {
public:
    explicit SmallFiles(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &old_);
        rlimit small = old_;
        small.rlim_cur = std::min(bytes, old_.rlim_max);
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~SmallFiles() { ::setrlimit(RLIMIT_FSIZE, &old_); }
    SmallFiles(const SmallFiles&) = delete;
    SmallFiles& operator=(const SmallFiles&) = delete;

private:
    rlimit old_{};
};

VerifyResult verify(const Subjects& subjects, const fs::path& image) {
    VerifyOptions options;
    options.image = image;
    NoEvents events;
    return verify_image(options, events, subjects.stop());
}

// "at 3, 9" of the chunks in which verify found the image damaged.
std::vector<uint64_t> damaged_chunks(const VerifyResult& result) {
    std::vector<uint64_t> out;
    for (const Damage& damage : result.damage) {
        if (!damage.range) continue;
        for (uint64_t at = damage.range->offset / chunk * chunk; at < damage.range->end(); at += chunk)
            if (out.empty() || out.back() < at / chunk) out.push_back(at / chunk);
    }
    return out;
}

// A streaming format leaves the whole image in memory here: it has 40 MB.
Bytes content_of(const fs::path& image) {
    NoEvents events;
    const auto source = open_image_or_source(image.string(), {}, events);
    Bytes out(source->info().size.value_or(0));
    for (uint64_t at = 0; at < out.size(); at += chunk) {
        Read read{.offset = at, .into = std::span(out).subspan(at, std::min<size_t>(chunk, out.size() - at))};
        source->read(read, {});
    }
    return out;
}

} // namespace

Seen no_room(const Subjects& subjects) {
    const Disk& disk = subjects.clean();
    AcquireOptions options = subjects.acquisition_of(disk, subjects.folder() / "no-room/disk.img.zst");
    const fs::path image = options.images.front();
    std::string told = "nothing: it went on";
    bool notified = false;
    try {
        const SmallFiles small(subjects.planted("room") ? RLIM_INFINITY : 12 << 20);
        subjects.acquire_image(options);
    } catch (const Error& error) {
        notified = error.code() == ExitCode::destination;
        told = error.what();
    }
    const bool published = fs::exists(image);
    options.resume = true;
    subjects.acquire_image(options);
    const bool whole = content_of(image) == bytes_of(subjects.image_of(disk));
    return {
        "the disk was imaged to files that cannot grow beyond 12 MiB, and then with --resume to ones that can",
        "an error of the destination (exit 5), no image under its name; after --resume the image as it is without that",
        fmt::format("{}{}; after --resume {}", told, published ? "; an image under its name" : "",
                    whole ? "the image as it is without that" : "another image"),
        notified && !published && whole};
}

Seen unchanged_image(const Subjects& subjects) {
    fs::path image = subjects.image_of(subjects.clean());
    if (subjects.planted("changed")) change_byte(image = subjects.copy_of(subjects.clean(), "changed"), 123'456);
    const VerifyResult result = verify(subjects, image);
    return {"the image and what lies beside it were verified as they were written", "consistent only, no damage",
            fmt::format("{}, {} damages", verdict_name(result.verdict), result.damage.size()),
            result.verdict == Verdict::consistent_only && result.damage.empty()};
}

Seen changed_image(const Subjects& subjects) {
    const fs::path image = subjects.copy_of(subjects.clean(), "altered");
    const uint64_t size = subjects.clean().content.size();
    const std::vector<uint64_t> places = {0, chunk - 1, chunk, 7 * chunk + 1234, size - 1};
    const std::vector<uint64_t> expected = {0, 1, 7, (size - 1) / chunk};
    for (const uint64_t at : places)
        if (!subjects.planted("blind")) change_byte(image, at);
    const VerifyResult result = verify(subjects, image);
    const std::vector<uint64_t> found = damaged_chunks(result);
    return {"one byte was changed at each of five places of a copy of the image, and the copy verified",
            fmt::format("altered, in the chunks {}", fmt::join(expected, ", ")),
            fmt::format("{}, in the chunks {}", verdict_name(result.verdict), fmt::join(found, ", ")),
            result.verdict == Verdict::altered && found == expected};
}

Seen conversion(const Subjects& subjects) {
    const Disk& disk = subjects.faulty().front();
    const fs::path image = subjects.image_of(disk);
    const Bytes expected = bytes_of(image);
    const std::string root = root_of(leaves_of(expected, chunk));
    Seen out{"an image with unreadable sectors was converted from raw to zst, to E01, to split raw and to raw again",
             "the content equal, and the root, in each", "", true};
    fs::path from = image;
    for (const char* name : {"disk.img.zst", "disk.E01", "disk.001", "disk.raw"}) {
        const fs::path to = subjects.folder() / "converted" / name;
        fs::create_directories(to.parent_path());
        ConvertOptions options;
        options.image = from;
        options.outputs = {to};
        options.arguments = {"kanshiki", "selftest"};
        NoEvents events;
        const std::string made = to_hex(convert_image(options, events, subjects.stop()).manifest.root);
        if (subjects.planted("convert") && to.extension() == ".raw") change_byte(to, 4'000'000);
        const bool same = content_of(to) == expected && made == root;
        out.seen += fmt::format("{}{}: {}", out.seen.empty() ? "" : "; ", name, same ? "equal" : "differs");
        out.passed = out.passed && same;
        from = to;
    }
    return out;
}

} // namespace kanshiki::selftest
