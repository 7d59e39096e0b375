#pragma once
// What verify --explain tells: which files the damaged and the unreadable parts of an image belong to.

#include "kanshiki/command.h"
#include "kanshiki/verify.h"

#include <nlohmann/json_fwd.hpp>

namespace kanshiki {

// Null when nothing of the image is damaged or unreadable, or it could not be found out (which has been said). The
// answer comes from a process that parsed a hostile image: only what has the expected shape is passed on.
nlohmann::ordered_json explain_damage(const VerifyOptions& options, const VerifyResult& found,
                                      const ExplainHandover& explain);

void print_explanation(const nlohmann::ordered_json& explanation);

} // namespace kanshiki
