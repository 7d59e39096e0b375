#include "analyze/artifact/analyzers.h"

namespace kanshiki {

// One line per analyzer. The order is that of conclude(); findings are sorted afterwards.
std::span<const Analyzer* const> analyzers() {
    static const Analyzer* const table[] = {
        &accounts_analyzer, &authorized_keys_analyzer, &inventory_analyzer, &cron_analyzer,
        &systemd_analyzer,  &startup_analyzer,         &preload_analyzer,
    };
    return table;
}

} // namespace kanshiki
