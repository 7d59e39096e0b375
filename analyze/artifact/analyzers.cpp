#include "analyze/artifact/analyzers.h"

namespace kanshiki {

// One line per analyzer. The order is that of conclude(); findings are sorted afterwards.
std::span<const Analyzer* const> analyzers() {
    static const Analyzer* const table[] = {
        // clang-format off
        &accounts_analyzer,
        &authorized_keys_analyzer,
        &login_logs_analyzer,
        &ssh_logins_analyzer,
        &inventory_analyzer,
        &cron_analyzer,
        &systemd_analyzer,
        &startup_analyzer,
        &preload_analyzer,
        // clang-format on
    };
    return table;
}

} // namespace kanshiki
