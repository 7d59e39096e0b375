#include "kanshiki/finding.h"

namespace kanshiki {

std::string_view severity_name(Severity severity) {
    static constexpr std::string_view names[] = {"info", "low", "medium", "high", "critical"};
    return names[static_cast<size_t>(severity)];
}

} // namespace kanshiki
