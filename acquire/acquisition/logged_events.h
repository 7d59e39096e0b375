#pragma once
// Hands events on to the terminal and into the acquisition logs. What happens before there is a log (the login, the far
// side's probe) is kept and written first.

#include "kanshiki/audit_log.h"
#include "kanshiki/events.h"

namespace kanshiki {

class LoggedEvents final : public Events {
public:
    explicit LoggedEvents(Events& terminal) : terminal_(terminal) {}

    void report(const Event& event) override {
        terminal_.report(event);
        std::lock_guard lock(mutex_);
        if (logs_.empty()) pending_.push_back(event);
        for (AuditLog* log : logs_) write(*log, event);
    }
    void progress(const Progress& progress) override { terminal_.progress(progress); }

    // The logs must outlive every event.
    void attach(std::vector<AuditLog*> logs) {
        std::lock_guard lock(mutex_);
        logs_ = std::move(logs);
        for (const Event& event : pending_)
            for (AuditLog* log : logs_) write(*log, event);
        pending_.clear();
    }
    void detach() {
        std::lock_guard lock(mutex_);
        logs_.clear();
    }

    // For the logs alone.
    void log(std::string_view event, const LogFields& fields) {
        std::lock_guard lock(mutex_);
        for (AuditLog* log : logs_) log->append(event, fields);
    }

private:
    static void write(AuditLog& log, const Event& event) {
        LogFields fields{{"message", event.message}};
        for (const auto& [name, value] : event.fields) fields.emplace_back(name, value);
        log.append(event.kind, fields);
    }
    Events& terminal_;
    std::mutex mutex_;
    std::vector<AuditLog*> logs_;
    std::vector<Event> pending_;
};

} // namespace kanshiki
