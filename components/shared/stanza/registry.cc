// The operators that there are.
#include "components/shared/stanza/operator.h"

namespace weir::stanza {

OperatorType add_operator();
OperatorType assign_keys_operator();
OperatorType container_operator();
OperatorType copy_operator();
OperatorType csv_parser_operator();
OperatorType drop_output_operator();
OperatorType file_output_operator();
OperatorType filter_operator();
OperatorType flatten_operator();
OperatorType json_array_parser_operator();
OperatorType json_parser_operator();
OperatorType key_value_parser_operator();
OperatorType move_operator();
OperatorType noop_operator();
OperatorType recombine_operator();
OperatorType regex_parser_operator();
OperatorType regex_replace_operator();
OperatorType remove_operator();
OperatorType retain_operator();
OperatorType router_operator();
OperatorType sanitize_utf8_operator();
OperatorType scope_name_parser_operator();
OperatorType severity_parser_operator();
OperatorType stdout_operator();
OperatorType syslog_parser_operator();
OperatorType time_parser_operator();
OperatorType trace_parser_operator();
OperatorType unquote_operator();
OperatorType uri_parser_operator();

std::span<const OperatorType> operator_types() {
  static const std::array types{
      add_operator(),          assign_keys_operator(),   container_operator(),     copy_operator(),          csv_parser_operator(),
      drop_output_operator(),  file_output_operator(),   filter_operator(),        flatten_operator(),       json_array_parser_operator(),
      json_parser_operator(),  key_value_parser_operator(), move_operator(),       noop_operator(),          recombine_operator(),
      regex_parser_operator(), regex_replace_operator(), remove_operator(),        retain_operator(),        router_operator(),
      sanitize_utf8_operator(), scope_name_parser_operator(), severity_parser_operator(), stdout_operator(), syslog_parser_operator(),
      time_parser_operator(),  trace_parser_operator(),  unquote_operator(),       uri_parser_operator()};
  return types;
}

}  // namespace weir::stanza
