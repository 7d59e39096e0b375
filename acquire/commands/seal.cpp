// Signs or stamps evidence after its acquisition, and seals the custody log.
#include "kanshiki/seal.h"
#include "acquire/commands/options.h"
#include "acquire/custody/files.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/manifest.h"
#include "kanshiki/terminal.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr const char* examples = R"(Examples:
  openssl genpkey -algorithm ed25519 -out key.pem         a key, once; keep it away from the evidence
  openssl pkey -in key.pem -pubout -out key.pub           its public half, for whoever verifies
  kanshiki seal disk.img.zst --sign key.pem --timestamp http://timestamp.digicert.com
  kanshiki seal disk.img.zst --timestamp http://timestamp.digicert.com     a stamp that failed at the time
  kanshiki seal disk.img.zst --custody --sign key.pem     the custody log, up to now

Signs IMAGE.manifest.json, which binds every other file; the image itself is not read: verify it first.
Exit: 0 sealed, 2 there is a signature already (--force) or wrong options, 5 cannot be written, 6 the key cannot be
opened, 7 signed but not stamped, 10 the manifest or the custody log was altered, 11 not evidence of kanshiki.)";

struct Sealed {
    fs::path file;
    std::optional<Stamped> stamped;
};

void refuse_to_replace(const fs::path& file, bool force) {
    if (present(file) && !force)
        throw Error(ExitCode::usage, file.string() + ": is there already; replace it with --force");
}

// The custody log's head as it is now, as a file that can be signed.
fs::path write_custody_head(const Companions& files) {
    const LogCheck log = check_log(files.custody, {});
    if (log.broken_at || log.torn)
        throw Error(ExitCode::altered, files.custody.string() + ": is broken (" + log.why + "); it is not sealed");
    write_file_durably(files.custody_head,
                       render_custody_head({log.entries, to_hex(log.head), to_hex(sha256_of_file(files.manifest))}));
    return files.custody_head;
}

Sealed seal(const fs::path& image, const Sealer& sealer, bool custody, bool force, std::stop_token stop) {
    const Companions files = Companions::of(image);
    parse_manifest(read_file(files.manifest, 64 << 20, ExitCode::never_valid), files.manifest.string());
    Sealed out{custody ? files.custody_head : files.manifest, {}};
    const SealPaths paths = SealPaths::of(out.file);
    LogFields act{{"file", out.file.filename().string()}};
    if (sealer.signs()) {
        if (!custody) refuse_to_replace(paths.signature, force);
        act.push_back({"signed_by", sealer.fingerprint()});
        record_act(image, "seal", act);
        if (custody) write_custody_head(files);
        std::error_code ignored;
        fs::remove(paths.timestamp, ignored); // of the signature that is replaced now
        sealer.sign(out.file);
    } else if (!present(paths.signature)) {
        throw Error(ExitCode::usage, paths.signature.string() + ": no signature to stamp; give --sign KEY");
    } else {
        refuse_to_replace(paths.timestamp, force);
    }
    if (!sealer.stamps()) return out;
    out.stamped = sealer.stamp(out.file, stop);
    if (!custody) // the head was taken before: the log goes on behind it
        record_act(image, "stamp",
                   {{"file", out.file.filename().string()},
                    {"time", out.stamped->time},
                    {"authority", out.stamped->authority}});
    return out;
}

void print(const Sealed& sealed, const Sealer& sealer, bool json) {
    if (json) {
        nlohmann::ordered_json out{{"file", to_utf8_lossless(sealed.file.string())},
                                   {"signed_by", sealer.fingerprint()},
                                   {"timestamp", nullptr},
                                   {"authority", nullptr}};
        if (sealed.stamped) {
            out["timestamp"] = sealed.stamped->time;
            out["authority"] = to_utf8_lossless(sealed.stamped->authority);
        }
        std::cout << out.dump(2) << "\n";
        return;
    }
    std::cout << "sealed      " << escape_terminal(sealed.file.string()) << "\n";
    if (sealer.signs()) std::cout << "signed by   " << sealer.fingerprint() << "\n";
    if (!sealed.stamped) return;
    std::cout << "stamped     " << sealed.stamped->time << " by " << escape_terminal(sealed.stamped->authority) << "\n";
    for (const std::string& why : sealed.stamped->not_archived)
        std::cout << "note        a revocation list was not archived: " << escape_terminal(why) << "\n";
}

} // namespace

int run_seal(const std::vector<std::string>& arguments) {
    SealOptions options;
    std::string image;
    bool custody = false, force = false, json = false, quiet = false;
    CLI::App app("Sign evidence, or have its signature time-stamped, after the acquisition.", "seal");
    app.footer(examples);
    app.add_option("IMAGE", image, "image whose manifest is sealed")->required();
    app.add_flag("--custody", custody, "seal the custody log instead, up to its last entry");
    app.add_flag("--force", force, "replace a signature or time-stamp that is there");
    add_seal_options(app, options);
    app.add_flag("--json", json, "print the result as one JSON object on standard output");
    app.add_flag("-q,--quiet", quiet, "errors only");
    if (!parse_arguments(app, arguments)) return 0;
    if (options.key.empty() && options.timestamp_url.empty())
        throw Error(ExitCode::usage, "nothing to do: give --sign KEY, --timestamp URL or both");
    const Sealer sealer(options);
    const StopOnSignal stop;
    const Sealed sealed = seal(image, sealer, custody, force, stop.token());
    if (json || !quiet) print(sealed, sealer, json);
    return 0;
}

} // namespace kanshiki
