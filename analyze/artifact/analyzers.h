#pragma once
// Each analyzer's one object; the table in analyzers.cpp lists them.

#include "kanshiki/analyzer.h"

namespace kanshiki {

extern const Analyzer& accounts_analyzer;        // entry/accounts.cpp
extern const Analyzer& authorized_keys_analyzer; // entry/authorized_keys.cpp
extern const Analyzer& ssh_logins_analyzer;      // entry/ssh_logins.cpp
extern const Analyzer& login_logs_analyzer;      // entry/login_logs.cpp
extern const Analyzer& inventory_analyzer;       // persistence/inventory.cpp
extern const Analyzer& cron_analyzer;            // persistence/cron.cpp
extern const Analyzer& systemd_analyzer;         // persistence/systemd.cpp
extern const Analyzer& startup_analyzer;         // persistence/startup.cpp
extern const Analyzer& preload_analyzer;         // persistence/preload.cpp

} // namespace kanshiki
