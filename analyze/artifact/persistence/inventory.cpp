// Finds nothing by itself: it records which files packages own (dpkg's lists), which programs everyone can change, and
// which shared libraries there are, for the other analyzers' joins.

#include "analyze/artifact/persistence/inventory.h"

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"

namespace kanshiki {

std::string_view without_usr(std::string_view path) {
    for (const std::string_view merged : {"/usr/lib", "/usr/bin/", "/usr/sbin/"})
        if (path.starts_with(merged)) return path.substr(4);
    return path;
}

namespace {

constexpr uint64_t list_limit = 16 << 20;

bool is_package_list(const std::string& path) {
    return path.starts_with("/var/lib/dpkg/info/") && path.ends_with(".list");
}

bool is_library(const std::string& path) { return base_name(path).find(".so") != std::string_view::npos; }

bool is_writable_program(const FileInfo& info) {
    return info.type == FileType::regular && (info.mode & 02) != 0 && (info.mode & 0111) != 0;
}

bool asked_for(std::string_view path) {
    for (const std::string_view folder : {"/etc/", "/lib/systemd/", "/usr/lib/systemd/"})
        if (path.starts_with(folder)) return true;
    return path.find(".so") != std::string_view::npos;
}

class Inventory final : public Analyzer {
public:
    std::string_view name() const override { return "inventory"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        if (info.type != FileType::regular && info.type != FileType::symlink) return false;
        return is_package_list(path) || is_library(path) || is_writable_program(info);
    }

    void read(const FileView& file, Records& records) const override {
        if (file.deleted()) return; // nothing to look up: the name is gone
        if (is_library(file.path())) records.add(LibraryFile{file.volume(), file.path()});
        if (is_writable_program(file.info())) records.add(WritableProgram{file.volume(), file.path()});
        if (!is_package_list(file.path()) || file.info().type != FileType::regular) return;
        const std::string text = file.content(list_limit);
        format::for_each_line(text, [&](const format::Line& line) {
            if (asked_for(line.text)) records.add(PackageFile{file.volume(), std::string(line.text.substr(0, 4096))});
        });
    }

    void conclude(const CaseView&, Findings&) const override {}
};

const Inventory instance{};

} // namespace

const Analyzer& inventory_analyzer = instance;

} // namespace kanshiki
