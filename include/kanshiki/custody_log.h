#pragma once
// IMAGE.custody.jsonl: what was done with the evidence after its acquisition (docs/formats/custody.md). Lines as in the
// acquisition log; the first is "start" with the manifest's SHA-256.

#include "kanshiki/audit_log.h"

#include <optional>

namespace kanshiki {

// Appends one act, durably: who did it, on which host and with which version is added. Starts the log when there is
// none. Two programs that record at once wait for each other. Error{destination} when it cannot be written,
// Error{altered} when the log's chain is broken: nothing is added behind a break.
void record_act(const std::filesystem::path& image, std::string_view act, const LogFields& fields);

// The same for acts that must not fail for it: returns why it could not be recorded, or nothing.
std::optional<std::string> try_record_act(const std::filesystem::path& image, std::string_view act,
                                          const LogFields& fields);

} // namespace kanshiki
