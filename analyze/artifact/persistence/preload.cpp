// /etc/ld.so.preload: a library in every program. The file does not exist on an ordinary system.

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"
#include "analyze/artifact/persistence/command_signs.h"
#include "analyze/artifact/persistence/inventory.h"
#include "analyze/format/ld_preload.h"

namespace kanshiki {

namespace {

using format::PreloadedLibrary;

class Preload final : public Analyzer {
public:
    std::string_view name() const override { return "ld-preload"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        return info.type == FileType::regular && path == "/etc/ld.so.preload";
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        add_parsed(file, format::parse_ld_preload(file.content(1 << 20)), records);
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        const PathSet<LibraryFile> libraries(everything.records);
        const PathSet<PackageFile> packaged(everything.records);
        for (const auto& [library, where] : everything.records.of<Fact<PreloadedLibrary>>()) {
            const bool plain = library.path.starts_with('/') && library.path.find('$') == std::string::npos;
            const bool owned = plain && packaged.has(where.volume, library.path);
            std::string why =
                "The loader puts this library into every program that starts, before any other: it can hide files, "
                "processes and connections, and take passwords. ";
            if (!plain)
                why += "It is named without a full path, so where it lies was not looked up. ";
            else if (libraries.has(where.volume, library.path))
                why += "The library is on this volume: keep it for analysis. ";
            else
                why += "No shared library of this name was found on this volume: it may be deleted, lie on another "
                       "one, or have "
                       "another kind of name. ";
            for (const Sign& sign : signs_of_path(library.path))
                why += sign.id == "temp-path" ? "Everyone can write to its folder. " : "Its name or folder is hidden. ";
            why +=
                owned ? "A Debian package owns it, so it may have been set up on purpose."
                      : "Harmless only where an administrator preloads an allocator or a hardening library on purpose.";
            Severity severity = owned ? Severity::medium : Severity::critical;
            if (where.deleted) severity = Severity::medium;
            list.add("library", severity,
                     std::string(where.deleted ? "A deleted ld.so.preload named " : "Every program loads ") +
                         library.path,
                     why, "T1574.006", {where});
        }
        list.finish();
    }
};

const Preload instance{};

} // namespace

const Analyzer& preload_analyzer = instance;

} // namespace kanshiki
