#include "support/folder.h"

#include "kanshiki/checksum_list.h"

namespace kanshiki {
namespace {

using test::Folder;
using test::put;

const std::string names[] = {"disk.img", "with space.img", "back\\slash.img", "new\nline.img", "carriage\r.img",
                             "\\",       " lead",          "caf\xc3\xa9",     "bad\xff"};

bool same(const std::vector<ManifestFile>& a, const std::vector<ManifestFile>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ManifestFile& x, const ManifestFile& y) {
        return x.name == y.name && x.sha256 == y.sha256;
    });
}

int sha256sum_check(const Folder& folder, const std::string& list) {
    return std::system(
        ("cd '" + folder.path().string() + "' && sha256sum --strict --quiet -c '" + list + "' >/dev/null 2>&1")
            .c_str());
}

TEST(ChecksumList, Sha256sumChecksItWithAnyName) {
    const Folder folder;
    std::vector<ManifestFile> lines;
    for (const std::string& name : names) {
        put(folder / name, "content of " + name);
        lines.push_back({"", name, 0, sha256_of_file(folder / name)});
    }
    put(folder / "list", render_checksum_list(lines));
    EXPECT_EQ(sha256sum_check(folder, "list"), 0);
    EXPECT_TRUE(same(parse_checksum_list(render_checksum_list(lines), "list"), lines));
    put(folder / names[3], "changed");
    EXPECT_NE(sha256sum_check(folder, "list"), 0);
}

TEST(ChecksumList, AFileWithoutADigestIsLeftOut) {
    const std::vector<ManifestFile> lines{{"image", "disk.img", 5, std::nullopt}, {"map", "disk.img.map", 6, Digest{}}};
    const auto back = parse_checksum_list(render_checksum_list(lines), "x");
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0].name, "disk.img.map");
}

// Each changed bit is either refused or gives another digest or name: none is read as the same.
TEST(ChecksumList, NoChangedByteReadsTheSame) {
    Digest digest;
    digest.fill(std::byte{0xab});
    const std::vector<ManifestFile> lines{{"", "disk.img", 0, digest}, {"", "a\\b", 0, Digest{}}};
    const std::string text = render_checksum_list(lines);
    for (size_t i = 0; i < text.size(); ++i)
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string changed = text;
            changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
            try {
                EXPECT_FALSE(same(parse_checksum_list(changed, "x"), lines)) << "byte " << i << " bit " << bit;
            } catch (const Error& e) {
                EXPECT_EQ(e.code(), ExitCode::never_valid);
            }
        }
}

TEST(ChecksumList, HostileTextIsRefused) {
    const std::string digest(64, 'a');
    for (const std::string& text :
         {std::string("x"), digest, digest + "  \n", digest + " *disk.img\n", digest + "  ../disk.img\n",
          digest + "  disk.img", "\\" + digest + "  plain\n", "\\" + digest + "  a\\x\n", "\\" + digest + "  a\\\n",
          digest + "  a\\\\b\n", std::string(64, 'A') + "  disk.img\n",
          digest + "  " + std::string(1 << 20, 'x') + "\n", digest + std::string("  a\0b\n", 6)})
        EXPECT_THROW(parse_checksum_list(text, "x"), Error) << text.substr(0, 100);
    EXPECT_TRUE(parse_checksum_list("", "x").empty());
}

} // namespace
} // namespace kanshiki
