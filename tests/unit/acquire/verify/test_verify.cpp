#include "unit/acquire/verify/evidence.h"

#include "acquire/verify/companions.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/mapfile.h"

#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

using namespace test;
using testing::Values;

constexpr uint64_t size = 3 * chunk_size + 7000;

// Chunk 0 data, 1 zeros, 2 data with unreadable sectors, 3 short.
std::vector<std::byte> volume() {
    std::vector<std::byte> out = mixed_bytes(size, 1);
    std::fill_n(out.begin() + chunk_size, chunk_size, std::byte{0});
    return out;
}
const std::vector<Bad> two_bad{{{2 * chunk_size + 1024, 512}, EIO}, {{2 * chunk_size + 8192, 4096}, EIO}};

ExitCode refusal(const std::filesystem::path& image) {
    try {
        verify(image);
    } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
        return e.code();
    }
    return ExitCode::ok;
}

bool names(const VerifyResult& result, const std::string& file) {
    return std::any_of(result.damage.begin(), result.damage.end(),
                       [&](const Damage& damage) { return damage.file == file; });
}

std::vector<Range> ranges_of(const VerifyResult& result) {
    std::vector<Range> out;
    for (const Damage& damage : result.damage)
        if (damage.range) out.push_back(*damage.range);
    return out;
}

std::string told(const VerifyResult& result) {
    std::string out;
    for (const Damage& damage : result.damage)
        out += damage.file +
               (damage.range
                    ? " [" + std::to_string(damage.range->offset) + ", " + std::to_string(damage.range->end()) + ")"
                    : "") +
               ": " + damage.what + "\n";
    return out;
}

class Verify : public testing::TestWithParam<const char*> {
protected:
    Verify()
        : image(folder / GetParam()), files(Companions::of(image)),
          manifest(make_evidence(image, volume(), {two_bad, {DigestAlgorithm::sha256, DigestAlgorithm::md5}})) {}
    bool raw() const { return std::string(GetParam()) == "disk.img"; }
    const Folder folder;
    const std::filesystem::path image;
    const Companions files;
    const Manifest manifest;
};
INSTANTIATE_TEST_SUITE_P(Formats, Verify, Values("disk.img", "disk.img.zst"));

TEST_P(Verify, WhatIsWholeIsConsistentAndWithItsRootAuthentic) {
    const VerifyResult plain = verify(image);
    EXPECT_EQ(plain.verdict, Verdict::consistent_only) << told(plain);
    EXPECT_EQ(plain.root, manifest.root);
    EXPECT_TRUE(plain.not_checked.empty());
    EXPECT_TRUE(plain.notes.empty());
    for (const char* what : {"manifest", "chunks file", "map file", "log file", "map", "log chain and head",
                             "checksum list", "size", "4 leaves", "root", "md5 of the image", "sha256 of the image",
                             "zeros at unreadable ranges", "SHA-256 of the image file"})
        EXPECT_NE(std::find(plain.checked.begin(), plain.checked.end(), what), plain.checked.end()) << what;
    EXPECT_EQ(verify(image, manifest.root).verdict, Verdict::authentic);
    Digest other = manifest.root;
    other[0] ^= std::byte{1};
    const VerifyResult wrong = verify(image, other);
    EXPECT_EQ(wrong.verdict, Verdict::altered);
    EXPECT_EQ(ranges_of(wrong), (std::vector<Range>{{0, size}}));
}

// Every byte of every companion, one at a time, another bit each. The files beside an image vouch for each other: that
// needs no byte of the image; now and then the whole way is gone.
TEST_P(Verify, AnyChangedByteOfACompanionIsSeenAndNamed) {
    for (const auto* file : {&files.manifest, &files.chunks, &files.map, &files.log, &files.sha256}) {
        const std::string whole = content(*file), name = file->filename().string();
        for (size_t i = 0; i < whole.size(); ++i) {
            std::string changed = whole;
            changed[i] = static_cast<char>(changed[i] ^ 1 << i % 8);
            overwrite(*file, changed);
            // The line of the image can be judged by the image alone.
            const bool about_image = file == &files.sha256 && i <= whole.find('\n');
            if (!about_image) {
                VerifyFindings findings;
                check_companions(image, findings);
                const auto damage = findings.take_damage();
                ASSERT_FALSE(damage.empty()) << name << " byte " << i;
                // Of manifest and checksum list, when they disagree on the manifest, either may be the altered one.
                EXPECT_TRUE(std::any_of(
                    damage.begin(), damage.end(),
                    [&](const Damage& one) { return one.file == name || one.what.find(name) != std::string::npos; }))
                    << name << " byte " << i << ": " << damage[0].file << ": " << damage[0].what;
            }
            if (!about_image && i % 61) continue;
            const VerifyResult result = verify(image);
            ASSERT_EQ(result.verdict, Verdict::altered) << name << " byte " << i;
            ASSERT_EQ(result.root, manifest.root);
        }
        overwrite(*file, whole);
    }
    EXPECT_EQ(verify(image).verdict, Verdict::consistent_only);
}

TEST_P(Verify, ACompanionCutShortAnywhereIsAltered) {
    for (const auto* file : {&files.manifest, &files.chunks, &files.map, &files.log, &files.sha256}) {
        const std::string whole = content(*file);
        for (size_t at = 0; at < whole.size(); at += 1 + at / 7) {
            overwrite(*file, whole.substr(0, at));
            const VerifyResult result = verify(image);
            ASSERT_EQ(result.verdict, Verdict::altered) << *file << " cut at " << at;
            ASSERT_TRUE(names(result, file->filename().string())) << *file << " cut at " << at << "\n" << told(result);
        }
        overwrite(*file, whole);
    }
}

// A compressed byte belongs to one chunk; those of the seek table to none.
TEST_P(Verify, AnyChangedByteOfTheImageIsSeenInItsPlace) {
    const std::string whole = content(image);
    const auto frames = raw() ? std::vector<uint64_t>{} : [&] {
        std::vector<uint64_t> out{0};
        const std::string magic("\x28\xb5\x2f\xfd", 4);
        for (size_t at = whole.find(magic, 1); at != whole.npos; at = whole.find(magic, at + 1)) out.push_back(at);
        out.push_back(whole.rfind(std::string("\x5e\x2a\x4d\x18", 4)));
        return out;
    }();
    if (!raw()) {
        ASSERT_EQ(frames.size(), 5u) << "four frames and the seek table";
    }
    for (size_t i = 0; i < whole.size(); i += i + 64 < whole.size() && i > 32 ? 4999 : 1) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 1 << i % 8);
        overwrite(image, changed);
        const VerifyResult result = verify(image);
        ASSERT_EQ(result.verdict, Verdict::altered) << i;
        ASSERT_TRUE(names(result, image.filename().string())) << i << "\n" << told(result);
        const auto frame = std::upper_bound(frames.begin(), frames.end(), i);
        const uint64_t chunk = raw() ? i / chunk_size : static_cast<uint64_t>(frame - frames.begin()) - 1;
        for (const Range& range : ranges_of(result)) {
            ASSERT_GE(range.offset, chunk * chunk_size) << i << "\n" << told(result);
            ASSERT_LE(range.end(), std::min(size, (chunk + 1) * chunk_size)) << i << "\n" << told(result);
        }
        if (raw()) {
            ASSERT_FALSE(ranges_of(result).empty());
        }
        if (chunk >= 4) {
            ASSERT_TRUE(ranges_of(result).empty()) << "the seek table: all content is still right\n" << told(result);
        }
    }
}

TEST_P(Verify, AnImageCutShortIsDamagedFromThereToItsEnd) {
    const std::string whole = content(image);
    for (const size_t at : {size_t{0}, size_t{1}, size_t{100'000}, whole.size() / 2, whole.size() - 1}) {
        overwrite(image, whole.substr(0, at));
        const VerifyResult result = verify(image);
        EXPECT_EQ(result.verdict, Verdict::altered) << at;
        const auto ranges = ranges_of(result);
        if (raw()) {
            ASSERT_FALSE(ranges.empty()) << at;
            EXPECT_EQ(ranges.back(), (Range{at, size - at}));
            // What is left of the chunk in which the cut lies proves nothing.
            if (at % chunk_size) {
                ASSERT_EQ(ranges.size(), 2u) << told(result);
                EXPECT_EQ(ranges.front(), (Range{at / chunk_size * chunk_size, at % chunk_size}));
            }
        } else if (at == whole.size() - 1) {
            EXPECT_TRUE(ranges.empty()) << "only the seek table is cut\n" << told(result);
        } else {
            ASSERT_EQ(ranges.size(), 1u) << told(result);
            EXPECT_EQ(ranges[0].end(), size);
            EXPECT_EQ(ranges[0].offset % chunk_size, 0u);
        }
    }
}

TEST_P(Verify, AppendedBytesAreSeen) {
    const std::string whole = content(image);
    for (const std::string& more : {std::string(1, 'x'), std::string(1, '\0'), std::string(2 * chunk_size, '\0')}) {
        overwrite(image, whole + more);
        const VerifyResult result = verify(image);
        EXPECT_EQ(result.verdict, Verdict::altered) << more.size();
        if (raw()) {
            EXPECT_EQ(ranges_of(result), (std::vector<Range>{{size, more.size()}})) << told(result);
        }
    }
}

// Altered with care: the whole set remade but for the root noted elsewhere.
TEST_P(Verify, ARewrittenSetIsConsistentButNotTheExpectedOne) {
    auto bytes = volume();
    bytes[5] ^= std::byte{1};
    for (const auto& path : {files.image, files.manifest, files.chunks, files.map, files.log, files.sha256})
        std::filesystem::remove(path);
    make_evidence(image, bytes, {two_bad});
    EXPECT_EQ(verify(image).verdict, Verdict::consistent_only);
    EXPECT_EQ(verify(image, manifest.root).verdict, Verdict::altered);
}

TEST_P(Verify, MissingCompanionsAreSaidAndTheRestIsChecked) {
    const std::filesystem::path companions[] = {files.manifest, files.chunks, files.map, files.log, files.sha256};
    for (unsigned missing = 1; missing < 32; ++missing) {
        std::map<std::filesystem::path, std::string> kept;
        for (unsigned i = 0; i < 5; ++i)
            if (missing & 1u << i) {
                kept[companions[i]] = content(companions[i]);
                std::filesystem::remove(companions[i]);
            }
        if (missing & 1 && missing & 2 && (missing & 16)) {
            EXPECT_EQ(refusal(image), ExitCode::never_valid) << missing;
        } else {
            const VerifyResult result = verify(image);
            EXPECT_EQ(result.verdict, Verdict::consistent_only) << missing << "\n" << told(result);
            for (const auto& [path, text] : kept) {
                const std::string said = path.filename().string() + " is missing";
                EXPECT_TRUE(std::any_of(result.not_checked.begin(), result.not_checked.end(),
                                        [&](const NotChecked& one) { return one.why.find(said) != std::string::npos; }))
                    << path;
            }
        }
        EXPECT_EQ(verify(image, manifest.root).verdict, Verdict::authentic)
            << missing << ": the expected root needs no companion";
        for (const auto& [path, text] : kept) overwrite(path, text);
    }
}

TEST_P(Verify, DamageIsFoundByWhateverIsLeft) {
    std::string changed = content(image);
    changed[chunk_size / 3] = static_cast<char>(changed[chunk_size / 3] ^ 4);
    overwrite(image, changed);
    const std::filesystem::path companions[] = {files.manifest, files.chunks, files.sha256};
    for (unsigned missing = 0; missing < 7; ++missing) {
        std::map<std::filesystem::path, std::string> kept;
        for (unsigned i = 0; i < 3; ++i)
            if (missing & 1u << i) {
                kept[companions[i]] = content(companions[i]);
                std::filesystem::remove(companions[i]);
            }
        const VerifyResult result = verify(image);
        EXPECT_EQ(result.verdict, Verdict::altered) << missing;
        EXPECT_TRUE(names(result, image.filename().string())) << told(result);
        if (!(missing & 2)) {
            EXPECT_EQ(ranges_of(result), (std::vector<Range>{{0, chunk_size}})) << missing << "\n" << told(result);
        }
        for (const auto& [path, text] : kept) overwrite(path, text);
    }
}

TEST_P(Verify, AChunkListOfAnotherImageIsBlamedNotTheImage) {
    make_evidence(folder / "other.img", mixed_bytes(size, 2));
    overwrite(files.chunks, content(folder / "other.img.chunks"));
    const VerifyResult result = verify(image);
    EXPECT_EQ(result.verdict, Verdict::altered);
    EXPECT_TRUE(names(result, files.chunks.filename().string()));
    EXPECT_FALSE(names(result, image.filename().string())) << told(result);
}

TEST_P(Verify, DamagedNeighboursAreOneRange) {
    if (!raw()) {
        // Both frames of the damaged chunks spoilt in their middle.
        std::string changed = content(image);
        const size_t second = changed.find(std::string("\x28\xb5\x2f\xfd", 4), 1),
                     third = changed.find(std::string("\x28\xb5\x2f\xfd", 4), second + 1);
        changed[second + 12] = static_cast<char>(changed[second + 12] ^ 0xff);
        changed[third + 5000] = static_cast<char>(changed[third + 5000] ^ 0xff);
        overwrite(image, changed);
    } else {
        std::string changed = content(image);
        changed[chunk_size] = 1;
        changed[2 * chunk_size + 100] = 1;
        overwrite(image, changed);
    }
    const VerifyResult result = verify(image);
    ASSERT_FALSE(ranges_of(result).empty());
    EXPECT_EQ(ranges_of(result).front().offset, chunk_size) << told(result);
    EXPECT_EQ(ranges_of(result).back().end(), 3 * chunk_size) << told(result);
    if (raw()) {
        EXPECT_EQ(ranges_of(result).size(), 1u) << told(result);
    }
}

TEST_P(Verify, RenamedEvidenceIsStillChecked) {
    const std::string extension = raw() ? ".img" : ".img.zst";
    const Companions renamed = Companions::of(folder / ("moved" + extension));
    std::filesystem::rename(files.image, renamed.image);
    std::filesystem::rename(files.manifest, renamed.manifest);
    std::filesystem::rename(files.chunks, renamed.chunks);
    std::filesystem::rename(files.map, renamed.map);
    std::filesystem::rename(files.log, renamed.log);
    std::filesystem::rename(files.sha256, renamed.sha256);
    const VerifyResult result = verify(renamed.image);
    EXPECT_EQ(result.verdict, Verdict::consistent_only) << told(result);
    EXPECT_FALSE(result.notes.empty());
    EXPECT_TRUE(result.not_checked.empty());
}

TEST_P(Verify, AMissingImageIsAltered) {
    std::filesystem::remove(image);
    EXPECT_EQ(verify(image).verdict, Verdict::altered);
    EXPECT_TRUE(names(verify(image), image.filename().string()));
    put(image.string() + ".partial", "x");
    EXPECT_EQ(refusal(image), ExitCode::source_lost) << "an acquisition that is not finished";
}

// The companions remade for an image in which an unreadable range holds something: only the zero rule is left to see
// it.
TEST_P(Verify, AnUnreadableRangeMustBeZeros) {
    for (const auto& path : {files.image, files.manifest, files.chunks, files.map, files.log, files.sha256})
        std::filesystem::remove(path);
    Manifest m = make_evidence(image, volume());
    m.unreadable = two_bad;
    m.unreadable_bytes = 4608;
    m.chunks_touched = {2};
    overwrite(files.map, render_mapfile(size, size, two_bad, ""));
    const Manifest as_made = parse_manifest(content(files.manifest), "m");
    m.image_format = as_made.image_format;
    m.files = as_made.files;
    for (ManifestFile& file : m.files)
        if (file.role == "map")
            file.size = std::filesystem::file_size(files.map), file.sha256 = sha256_of_file(files.map);
    overwrite(files.manifest, render_manifest(m));
    std::filesystem::remove(files.sha256);
    const VerifyResult result = verify(image);
    EXPECT_EQ(result.verdict, Verdict::altered);
    EXPECT_EQ(ranges_of(result), (std::vector<Range>{two_bad[0].range, two_bad[1].range})) << told(result);
}

TEST_P(Verify, HashNoneLeavesTheRootToVouch) {
    for (const auto& path : {files.image, files.manifest, files.chunks, files.map, files.log, files.sha256})
        std::filesystem::remove(path);
    make_evidence(image, volume(), {{}, {}});
    const VerifyResult result = verify(image);
    EXPECT_EQ(result.verdict, Verdict::consistent_only) << told(result);
    EXPECT_NE(std::find(result.checked.begin(), result.checked.end(), "root"), result.checked.end());
    EXPECT_EQ(std::find(result.checked.begin(), result.checked.end(), "SHA-256 of the image file"),
              result.checked.end());
    EXPECT_EQ(result.not_checked.size(), 1u);
}

TEST_P(Verify, AnEmptyImage) {
    for (const auto& path : {files.image, files.manifest, files.chunks, files.map, files.log, files.sha256})
        std::filesystem::remove(path);
    const Manifest empty = make_evidence(image, {});
    EXPECT_EQ(verify(image).verdict, Verdict::consistent_only) << told(verify(image));
    EXPECT_EQ(verify(image, empty.root).verdict, Verdict::authentic);
    EXPECT_EQ(verify(image, manifest.root).verdict, Verdict::altered);
}

TEST_P(Verify, WhatNeverWasOursIsToldFromWhatWasDamaged) {
    const std::string whole = content(files.manifest);
    const std::string cut = whole.substr(0, 100), brackets(5 << 20, '['),
                      typed = R"({"format": "kanshiki manifest", "version": "x"})";
    const std::tuple<std::string, bool, ExitCode> cases[] = {
        {cut, false, ExitCode::ok},         {cut, true, ExitCode::ok},    {brackets, false, ExitCode::never_valid},
        {brackets, true, ExitCode::ok},     {typed, false, ExitCode::ok}, {"{}", false, ExitCode::never_valid},
        {"", false, ExitCode::never_valid},
    };
    for (const auto& [text, others, code] : cases) {
        const Folder place;
        std::filesystem::copy_file(image, place / GetParam());
        const Companions there = Companions::of(place / GetParam());
        put(there.manifest, text);
        if (others) std::filesystem::copy_file(files.chunks, there.chunks);
        EXPECT_EQ(refusal(there.image), code) << text.substr(0, 60);
        if (code == ExitCode::ok) {
            EXPECT_EQ(verify(there.image).verdict, Verdict::altered);
        }
    }
}

TEST(VerifyNames, WhatIsNoImageIsRefused) {
    const Folder folder;
    put(folder / "x.txt", "text");
    EXPECT_EQ(refusal(folder / "x.txt"), ExitCode::never_valid);
    EXPECT_EQ(refusal(folder / "none.img"), ExitCode::usage);
    put(folder / "a.img", "text");
    EXPECT_EQ(refusal(folder / "a.img"), ExitCode::never_valid) << "nothing to check it with";
    put(folder / "a.img.map", "text");
    EXPECT_EQ(refusal(folder / "a.img.map"), ExitCode::usage) << "a companion is not an image";
    std::filesystem::create_directory(folder / "d.img");
    EXPECT_EQ(refusal(folder / "d.img"), ExitCode::refused);
}

} // namespace
} // namespace kanshiki
