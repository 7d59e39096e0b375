#include "conformance/analyze/made_images.h"

#include "acquire/source/file_source.h"

#include <sys/stat.h>

namespace kanshiki::test {
namespace {

using Path = std::filesystem::path;

std::string quoted(const Path& path) { return "'" + path.string() + "'"; }

void sized(const Path& image, uint64_t size) {
    std::ofstream(image, std::ios::binary);
    std::filesystem::resize_file(image, size);
}

// mkfs.xfs -p: a line for each name, "$" ends a directory.
void describe(std::ostream& out, const Path& folder) {
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
        out << each.path().filename().string();
        if (each.is_symlink())
            out << " l--777 0 0 " << std::filesystem::read_symlink(each.path()).string() << '\n';
        else if (each.is_directory()) {
            out << " d--755 0 0\n";
            describe(out, each.path());
        } else
            out << " ---644 0 0 " << each.path().string() << '\n';
    }
    out << "$\n";
}

void make_xfs(const Path& tree, const Path& image, const std::string& options) {
    const Path description = image.string() + ".proto";
    std::ofstream out(description);
    out << "/stand\n0 0\nd--755 0 0\n";
    describe(out, tree);
    out.close();
    sized(image, 320 << 20);
    run("mkfs.xfs -q " + options + " -p " + quoted(description) + " " + quoted(image));
}

void make_ext(const Path& tree, const Path& image, const std::string& options) {
    sized(image, 24 << 20);
    run("mke2fs -q -F " + options + " -d " + quoted(tree) + " " + quoted(image));
}

void make_btrfs(const Path& tree, const Path& image, const std::string& options) {
    sized(image, 128 << 20);
    run("mkfs.btrfs -q " + options + " --rootdir " + quoted(tree) + " " + quoted(image));
}

void make_ntfs(const Path& tree, const Path& image) {
    sized(image, 24 << 20);
    run("mkntfs -q -F " + quoted(image));
    for (const auto& each : std::filesystem::directory_iterator(tree))
        run("ntfscp -f " + quoted(image) + " " + quoted(each.path()) + " " + quoted(each.path().filename()));
}

void make_fat(const Path& tree, const Path& image, uint64_t size, const std::string& options) {
    sized(image, size);
    run("mkfs.vfat " + options + " " + quoted(image));
    run("mcopy -s -Q -i " + quoted(image) + " " + quoted(tree) + "/* ::/");
}

void make_iso(const Path& tree, const Path& image) {
    run("genisoimage -quiet -J -o " + quoted(image) + " " + quoted(tree));
}

} // namespace

const std::vector<MadeImage>& made_images() {
    static const std::vector<MadeImage> images = {
        {"ext2", [](const Path& tree, const Path& image) { make_ext(tree, image, "-t ext2 -b 1024"); }},
        {"ext4", [](const Path& tree, const Path& image) { make_ext(tree, image, "-t ext4 -b 4096"); }},
        {"ext4_inline", [](const Path& tree, const Path& image) { make_ext(tree, image, "-t ext4 -O inline_data"); }},
        {"xfs", [](const Path& tree, const Path& image) { make_xfs(tree, image, ""); }},
        {"xfs_v4", [](const Path& tree, const Path& image) { make_xfs(tree, image, "-m crc=0 -b size=1024"); }},
        {"btrfs", [](const Path& tree, const Path& image) { make_btrfs(tree, image, ""); }},
        {"btrfs_4k_nodes",
         [](const Path& tree, const Path& image) { make_btrfs(tree, image, "-n 4096 --csum sha256"); }},
        {"ntfs", make_ntfs, false, false, false},
        {"fat12", [](const Path& tree, const Path& image) { make_fat(tree, image, 8 << 20, "-F 12 -s 8"); }, true,
         false, false},
        {"fat32", [](const Path& tree, const Path& image) { make_fat(tree, image, 40 << 20, "-F 32 -s 1"); }, true,
         false, false},
        {"iso9660", make_iso, true, false, false},
    };
    return images;
}

void make_tree(const Path& tree, const MadeImage& kind) {
    std::filesystem::create_directory(tree);
    unsigned seed = 1;
    for (const size_t size : {0, 1, 60, 100, 511, 512, 3000, 4096, 4097, 70'000, 1'000'001})
        write(tree / ("file" + std::to_string(size)), noise(size, seed++));
    {
        std::ofstream sparse(tree / "sparse", std::ios::binary);
        for (const auto at : {0, 500'000, 900'000, 1'500'000}) sparse.seekp(at) << noise(5000, seed++);
    } // no hole at its end: mke2fs -d loses that with inline data
    if (!kind.folders) return;
    for (const auto& [name, count] : {std::pair{"empty", 0}, {"few", 3}, {"many", 400}}) {
        std::filesystem::create_directory(tree / name);
        for (int number = 0; number < count; number++)
            write(tree / name / ("entry" + std::to_string(number)), std::string(static_cast<size_t>(number % 3), 'x'));
    }
    std::filesystem::create_directories(tree / "down" / "and" / "down");
    write(tree / "down" / "and" / "down" / "bottom", "reached");
    if (!kind.symlinks) return;
    for (const size_t length : {1, 59, 60, 200}) {
        const std::string target(length, 't');
        std::filesystem::create_symlink(target, tree / ("link" + std::to_string(length)));
    }
}

OpenedImage::OpenedImage(const MadeImage& kind) {
    make_tree(tree(), kind);
    kind.make(tree(), folder_ / "image");
    source_ = open_file_source((folder_ / "image").string(), "raw");
}

void Altered::read(Read& read, std::stop_token stop) {
    below_.read(read, std::move(stop));
    const Range whole{read.offset, read.got};
    for (const auto& [offset, bytes] : replaced_)
        for (size_t at = 0; at < bytes.size(); at++)
            if (offset + at >= whole.offset && offset + at < whole.end())
                read.into[offset + at - whole.offset] = static_cast<std::byte>(bytes[at]);
    for (const Range& each : bad_) {
        const uint64_t from = std::max(each.offset, whole.offset), end = std::min(each.end(), whole.end());
        if (from >= end) continue;
        std::memset(read.into.data() + (from - whole.offset), 0, end - from);
        read.bad.push_back({{from, end - from}, EIO});
    }
}

std::map<std::string, DirectoryEntry> all_names(FileSystem& files) {
    std::map<std::string, DirectoryEntry> all;
    std::vector<std::pair<std::string, uint64_t>> waiting = {{"", files.root()}};
    while (!waiting.empty()) {
        const auto [place, handle] = waiting.back();
        waiting.pop_back();
        for (const auto& [name, entry] : names(files, handle)) {
            if (place.empty() && (name == "lost+found" || name[0] == '$')) continue;
            all[place + "/" + name] = entry;
            if (files.stat(entry.inode).type == FileType::directory)
                waiting.emplace_back(place + "/" + name, entry.inode);
        }
    }
    return all;
}

} // namespace kanshiki::test
