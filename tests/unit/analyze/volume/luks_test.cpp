// LUKS2 as cryptsetup itself encrypts a file (reencrypt --encrypt needs no device-mapper), LUKS1 as qemu-img does;
// every byte against what went in.

#include "analyze/volume/luks/header.h"
#include "analyze/volume/luks/sector_cipher.h"
#include "kanshiki/volume.h"

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

constexpr uint64_t mib = 1 << 20;
const VolumeOptions right_key{{"secret pass"}};

struct Encrypted {
    std::string plain, image;
};

const std::string& plain_bytes() {
    static const std::string bytes = noise(2 * mib + 4096, 11);
    return bytes;
}

// The end of the plain file is what cryptsetup takes away for the header: 2 × half a MiB at least, so of zeros.
Encrypted luks2(const std::string& options) {
    Folder folder;
    write(folder / "image", plain_bytes());
    std::filesystem::resize_file(folder / "image", 40 * mib);
    write(folder / "key", right_key.keys[0]);
    run("cryptsetup reencrypt --encrypt --type luks2 -q --batch-mode --reduce-device-size 32M --key-file " +
        (folder / "key").string() + " " + options + " " + (folder / "image").string());
    return {plain_bytes(), slurp(folder / "image")};
}

Encrypted luks1(const std::string& options) {
    Folder folder;
    write(folder / "plain", plain_bytes());
    write(folder / "key", right_key.keys[0]);
    const std::string command = "qemu-img convert --object secret,id=s,file=" + (folder / "key").string() +
                                " -O luks -o key-secret=s,iter-time=10,hash-alg=sha512" + options + " " +
                                (folder / "plain").string() + " " + (folder / "image").string();
    for (int attempt = 1;; attempt++) { // its benchmark of the key derivation may fail; of SHA-512 rarely
        try {
            run(command);
            break;
        } catch (const std::runtime_error&) {
            if (attempt == 20) throw;
        }
    }
    return {plain_bytes(), slurp(folder / "image")};
}

const Encrypted& ordinary() {
    static const Encrypted image = luks2("--pbkdf pbkdf2 --pbkdf-force-iterations 1000");
    return image;
}

const Encrypted& first_version() {
    static const Encrypted image = luks1("");
    return image;
}

std::string read_all(BlockSource& source, uint64_t offset, size_t size) {
    std::string bytes(size, '?');
    Read read;
    read.offset = offset;
    read.into = std::as_writable_bytes(std::span(bytes));
    source.read(read, {});
    bytes.resize(read.got);
    return bytes;
}

void expect_opens(const Encrypted& image, const std::string& said) {
    Memory source(image.image);
    const VolumeTable table = read_volumes(source, right_key, {});
    ASSERT_EQ(table.volumes.size(), 2u);
    EXPECT_THAT(table.volumes[0].holds, HasSubstr(said));
    EXPECT_TRUE(table.volumes[0].opened);
    const Volume& opened = table.volumes[1];
    EXPECT_EQ(opened.number, 1u);
    EXPECT_TRUE(opened.content->encrypted());
    ASSERT_GE(opened.range.size, image.plain.size());
    EXPECT_EQ(read_all(*opened.content, 0, image.plain.size()), image.plain);
    EXPECT_EQ(read_all(*opened.content, 12'345, 77'777), image.plain.substr(12'345, 77'777)) << "unaligned";
    EXPECT_EQ(read_all(*opened.content, opened.range.size - 10, 100).size(), 10u);
}

std::string refusal(const std::string& image, const VolumeOptions& options) {
    Memory source(image);
    try {
        read_volumes(source, options, {});
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::refused);
        return error.what();
    }
    ADD_FAILURE() << "not refused";
    return {};
}

} // namespace

TEST(Luks, Argon2idAndXts) {
    expect_opens(luks2("--pbkdf argon2id --pbkdf-memory 32768 --pbkdf-force-iterations 4"),
                 "aes-xts-plain64, keyslots 0: argon2id, 32768 KiB, 4 passes");
}

TEST(Luks, SectorsOf4096Bytes) {
    expect_opens(luks2("--sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000"), "sectors of 4096 bytes");
}

TEST(Luks, CbcEssiv) {
    expect_opens(luks2("--cipher aes-cbc-essiv:sha256 --key-size 256 --pbkdf pbkdf2 --pbkdf-force-iterations 1000"),
                 "aes-cbc-essiv:sha256, keyslots 0: pbkdf2-sha256, 1000 iterations");
}

TEST(Luks, FirstVersion) {
    expect_opens(first_version(), "LUKS1 encrypted volume");
    expect_opens(luks1(",cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256"),
                 "aes-cbc-essiv:sha256");
}

TEST(Luks, AnotherCipherIsNamed) {
    const std::string image = luks1(",cipher-alg=serpent-256").image;
    EXPECT_THAT(refusal(image, right_key), HasSubstr("no encrypted volume could be"));
    Memory source(image);
    const VolumeTable table = read_volumes(source, {});
    EXPECT_THAT(table.volumes[0].holds, HasSubstr("serpent-xts-plain64"));
}

TEST(Luks, WithoutAKeyItIsNamed) {
    Memory source(ordinary().image);
    const VolumeTable table = read_volumes(source, {});
    ASSERT_EQ(table.volumes.size(), 1u);
    EXPECT_FALSE(table.volumes[0].opened);
    EXPECT_THAT(table.volumes[0].holds,
                testing::MatchesRegex("LUKS2 encrypted volume [-0-9a-f]{36}, aes-xts-plain64, keyslots 0: .*; not "
                                      "read: --key-file opens it"));
}

TEST(Luks, AKeyThatOpensNothingIsRefused) {
    EXPECT_THAT(refusal(ordinary().image, {{"wrong"}}), HasSubstr("none of the keys given opens it"));
    EXPECT_THAT(refusal(ordinary().image, {{"secret pass\n"}}), HasSubstr("a newline at the end too"));
    EXPECT_THAT(refusal(std::string(mib, '\0'), right_key), HasSubstr("there is no encrypted volume"));
    Memory source(ordinary().image);
    EXPECT_TRUE(read_volumes(source, {{"wrong", right_key.keys[0]}}, {}).volumes[0].opened) << "one of them suffices";
}

TEST(Luks, ADamagedFirstHeaderIsReplacedByTheSecond) {
    for (const size_t at : {size_t{5000}, size_t{0}}) {
        Encrypted image = ordinary();
        image.image[at] ^= 1;
        expect_opens(image, "LUKS2");
        Memory source(image.image);
        EXPECT_THAT(read_volumes(source, right_key, {}).notices, Contains(HasSubstr("the second is used")));
    }
    Encrypted image = ordinary();
    for (const size_t at : {size_t{5000}, size_t{16 * 1024 + 5000}}) image.image[at] ^= 1;
    Memory source(image.image);
    EXPECT_THAT(read_volumes(source, {}).notices, Contains(HasSubstr("the checksum of its header is wrong")));
}

TEST(Luks, UnreadableCiphertextIsUnreadableInWholeSectors) {
    const auto image = luks2("--sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000");
    Memory probe(image.image);
    const VolumeTable known = read_volumes(probe, right_key, {});
    const uint64_t start = known.volumes[1].content->locate({0, 512}).at(0).range.offset;
    Memory source(image.image, {{start + 3 * 4096 + 512, 512}, {start + 3 * 4096 + 2048, 512}});
    const VolumeTable table = read_volumes(source, right_key, {});
    std::string bytes(32'768, '?');
    Read read;
    read.offset = 1000;
    read.into = std::as_writable_bytes(std::span(bytes));
    table.volumes[1].content->read(read, {});
    ASSERT_EQ(read.bad.size(), 1u);
    EXPECT_EQ(read.bad[0], (Bad{{3 * 4096, 4096}, EIO}));
    std::string expected = image.plain.substr(1000, 32'768);
    std::fill_n(expected.begin() + 3 * 4096 - 1000, 4096, '\0');
    EXPECT_EQ(bytes, expected);
}

TEST(Luks, ContentIsLocatedInTheSource) {
    Memory source(ordinary().image);
    const VolumeTable table = read_volumes(source, right_key, {});
    const Volume& opened = table.volumes[1];
    const uint64_t start = source.info().size.value() - opened.range.size;
    const auto parts = locate(opened, {10'000, 5'000});
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(parts[0].offset, 10'000u);
    EXPECT_EQ(parts[0].range, (Range{start + 10'000, 5'000}));
    EXPECT_THAT(locate(opened, {opened.range.size, 10}), IsEmpty());
    EXPECT_EQ(storage(opened, opened.range), (std::vector<Range>{{start, opened.range.size}}));
}

TEST(Luks, HostileHeaders) {
    const auto said = [](std::string image, size_t at, const std::string& from, const std::string& to) {
        for (size_t copy : {size_t{0}, size_t{16 * 1024}}) {
            const size_t found = image.find(from, copy + at);
            EXPECT_LT(found, copy + 16 * 1024) << from;
            image.replace(found, to.size(), to);
        }
        Memory source(image);
        return read_volumes(source, {}).volumes[0].holds;
    };
    const std::string& image = ordinary().image;
    EXPECT_THAT(said(image, 4096, "\"iterations\":1000,", "\"iterations\":1000000000000,"),
                HasSubstr("cannot be opened"));
    EXPECT_THAT(said(image, 4096, "\"sector_size\":512", "\"sector_size\":513"), HasSubstr("its header is damaged"));
    EXPECT_THAT(said(image, 4096, "{\"keyslots\"", "[[[[[[[[[[["), HasSubstr("its header is damaged"));
    EXPECT_THAT(said(image, 4096, "\"dynamic\"", "\"dynamit\""), HasSubstr("its header is damaged"));

    std::string first = first_version().image;
    const auto put = [&](size_t at, uint32_t value) {
        for (unsigned index = 0; index < 4; index++) first[at + index] = static_cast<char>(value >> (24 - 8 * index));
    };
    put(104, 0xffffffff);
    EXPECT_THAT(refusal(first, right_key), HasSubstr("no encrypted volume could be opened"));
    put(104, 0);
    Memory detached(first);
    EXPECT_THAT(read_volumes(detached, {}).volumes[0].holds, HasSubstr("the header alone is here"));
    put(164, 0xffffffff);
    Memory slow(first);
    EXPECT_THAT(read_volumes(slow, {}).volumes[0].holds, HasSubstr("would take too long"));
    EXPECT_THAT(refusal(ordinary().image.substr(0, 4096), right_key), HasSubstr("no encrypted volume could be opened"));
}
