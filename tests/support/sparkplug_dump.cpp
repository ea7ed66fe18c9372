#include "tests/support/sparkplug_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "sparkplug/nested.h"
#include "sparkplug_b.pb.h"

namespace lineshaft::sparkplug {
namespace {

namespace pb = org::eclipse::tahu::protobuf;

/// Writes lines that are indented by how deep they are.
class Dump {
 public:
  template <class Fact>
  void say(std::string_view name, const Fact& fact) {
    out_ += fmt::format("{:{}}{}={}\n", "", depth_, name, fact);
  }
  void open(std::string_view name) {
    say(name, "{");
    ++depth_;
  }
  void close() { --depth_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_ = "payload\n";
  int depth_ = 0;
};

void say_nested(Dump& dump, const ValueView& value);

void say_value(Dump& dump, const ValueView& value) {
  dump.say("slot", static_cast<int>(value.slot));
  dump.say("number", value.number);
  switch (value.slot) {
    case ValueSlot::string_value:
    case ValueSlot::bytes_value:
      dump.say("bytes", value.bytes);
      break;
    default:
      say_nested(dump, value);
  }
}

void say_properties(Dump& dump, std::string_view set) {
  dump.open("properties");
  PropertyWalk walk(set);
  PropertyView property;
  while (walk.next(property)) {
    dump.open(property.key);
    dump.say("type", property.datatype);
    dump.say("null", property.is_null);
    say_value(dump, property.value);
    dump.close();
  }
  dump.close();
}

void say_metadata(Dump& dump, std::string_view bytes) {
  pb::MetaData metadata;
  dump.say("metadata", metadata.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
                           ? metadata.SerializeAsString()
                           : "refused");
}

void say_metric(Dump& dump, const MetricView& metric) {
  dump.open("metric");
  if (metric.has_name) dump.say("name", metric.name);
  if (metric.has_alias) dump.say("alias", metric.alias);
  if (metric.has_timestamp) dump.say("timestamp", metric.timestamp);
  dump.say("datatype", metric.datatype);
  dump.say("historical", metric.is_historical);
  dump.say("transient", metric.is_transient);
  dump.say("null", metric.is_null);
  if (!metric.metadata.empty()) say_metadata(dump, metric.metadata);
  say_properties(dump, metric.properties);
  say_value(dump, metric.value);
  dump.close();
}

void say_data_set(Dump& dump, std::string_view bytes) {
  DataSetWalk walk(bytes);
  dump.say("columns", walk.column_count());
  std::string_view text;
  while (walk.next_column(text)) dump.say("column", text);
  std::uint32_t type = 0;
  while (walk.next_type(type)) dump.say("type", type);
  while (walk.next_row(text)) {
    dump.open("row");
    RowWalk row(text);
    DataSetElement element;
    while (row.next(element)) say_value(dump, element);
    dump.close();
  }
}

void say_template(Dump& dump, std::string_view bytes) {
  TemplateWalk walk(bytes);
  if (walk.version()) dump.say("version", *walk.version());
  if (walk.reference()) dump.say("reference", *walk.reference());
  dump.say("definition", walk.is_definition());
  MetricView metric;
  while (walk.next_metric(metric)) say_metric(dump, metric);
  ParameterView parameter;
  while (walk.next_parameter(parameter)) {
    dump.open("parameter");
    dump.say("name", parameter.name);
    dump.say("type", parameter.datatype);
    say_value(dump, parameter.value);
    dump.close();
  }
}

void say_nested(Dump& dump, const ValueView& value) {
  std::string_view set;
  switch (value.slot) {
    case ValueSlot::dataset_value:
      return say_data_set(dump, value.bytes);
    case ValueSlot::template_value:
      return say_template(dump, value.bytes);
    case ValueSlot::property_set:
      return say_properties(dump, value.bytes);
    case ValueSlot::property_set_list:
      for (PropertySetWalk walk(value.bytes); walk.next(set);) say_properties(dump, set);
      return;
    default:
      return;
  }
}

// The same from Protocol Buffers.

void say_slot(Dump& dump, ValueSlot slot, std::uint64_t number) {
  dump.say("slot", static_cast<int>(slot));
  dump.say("number", number);
}

/// The members of a `oneof` that Metric, PropertyValue, DataSetValue and Parameter share.
template <class Message>
bool say_basic_value(Dump& dump, const Message& message) {
  switch (message.value_case()) {
    case Message::kIntValue:
      say_slot(dump, ValueSlot::int_value, message.int_value());
      return true;
    case Message::kLongValue:
      say_slot(dump, ValueSlot::long_value, message.long_value());
      return true;
    case Message::kFloatValue:
      say_slot(dump, ValueSlot::float_value, std::bit_cast<std::uint32_t>(message.float_value()));
      return true;
    case Message::kDoubleValue:
      say_slot(dump, ValueSlot::double_value, std::bit_cast<std::uint64_t>(message.double_value()));
      return true;
    case Message::kBooleanValue:
      say_slot(dump, ValueSlot::boolean_value, message.boolean_value() ? 1 : 0);
      return true;
    case Message::kStringValue:
      say_slot(dump, ValueSlot::string_value, 0);
      dump.say("bytes", message.string_value());
      return true;
    case Message::kExtensionValue:
      say_slot(dump, ValueSlot::extension_value, 0);
      return true;
    case Message::VALUE_NOT_SET:
      say_slot(dump, ValueSlot::none, 0);
      return true;
    default:
      return false;
  }
}

void say_properties(Dump& dump, const pb::PropertySet& set) {
  dump.open("properties");
  const int count = std::min(set.keys_size(), set.values_size());
  for (int index = 0; index < count; ++index) {
    const pb::PropertyValue& value = set.values(index);
    dump.open(set.keys(index));
    dump.say("type", value.type());
    dump.say("null", value.is_null());
    if (!say_basic_value(dump, value)) {
      if (value.has_propertyset_value()) {
        say_slot(dump, ValueSlot::property_set, 0);
        say_properties(dump, value.propertyset_value());
      } else {
        say_slot(dump, ValueSlot::property_set_list, 0);
        for (const auto& inner : value.propertysets_value().propertyset()) {
          say_properties(dump, inner);
        }
      }
    }
    dump.close();
  }
  dump.close();
}

void say_data_set(Dump& dump, const pb::DataSet& data_set) {
  dump.say("columns", data_set.num_of_columns());
  for (const auto& column : data_set.columns()) dump.say("column", column);
  for (const auto type : data_set.types()) dump.say("type", type);
  for (const auto& row : data_set.rows()) {
    dump.open("row");
    for (const auto& element : row.elements()) say_basic_value(dump, element);
    dump.close();
  }
}

void say_template(Dump& dump, const pb::Template& body);

void say_metric(Dump& dump, const pb::Metric& metric) {
  dump.open("metric");
  if (metric.has_name()) dump.say("name", metric.name());
  if (metric.has_alias()) dump.say("alias", metric.alias());
  if (metric.has_timestamp()) dump.say("timestamp", metric.timestamp());
  dump.say("datatype", metric.datatype());
  dump.say("historical", metric.is_historical());
  dump.say("transient", metric.is_transient());
  dump.say("null", metric.is_null());
  const std::string metadata = metric.metadata().SerializeAsString();
  if (!metadata.empty()) dump.say("metadata", metadata);
  say_properties(dump, metric.properties());
  if (!say_basic_value(dump, metric)) {
    switch (metric.value_case()) {
      case pb::Metric::kBytesValue:
        say_slot(dump, ValueSlot::bytes_value, 0);
        dump.say("bytes", metric.bytes_value());
        break;
      case pb::Metric::kDatasetValue:
        say_slot(dump, ValueSlot::dataset_value, 0);
        say_data_set(dump, metric.dataset_value());
        break;
      default:
        say_slot(dump, ValueSlot::template_value, 0);
        say_template(dump, metric.template_value());
        break;
    }
  }
  dump.close();
}

void say_template(Dump& dump, const pb::Template& body) {
  if (body.has_version()) dump.say("version", body.version());
  if (body.has_template_ref()) dump.say("reference", body.template_ref());
  dump.say("definition", body.is_definition());
  for (const auto& metric : body.metrics()) say_metric(dump, metric);
  for (const auto& parameter : body.parameters()) {
    dump.open("parameter");
    dump.say("name", parameter.name());
    dump.say("type", parameter.type());
    say_basic_value(dump, parameter);
    dump.close();
  }
}

}  // namespace

std::string dump(const PayloadView& payload) {
  Dump dump;
  if (payload.has_timestamp) dump.say("timestamp", payload.timestamp);
  if (payload.has_seq) dump.say("seq", payload.seq);
  dump.say("uuid", payload.uuid);
  dump.say("body", payload.body);
  for (const MetricView& metric : payload.metrics) say_metric(dump, metric);
  return dump.take();
}

std::string dump_by_protobuf(std::string_view bytes) {
  pb::Payload payload;
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  Dump dump;
  if (payload.has_timestamp()) dump.say("timestamp", payload.timestamp());
  if (payload.has_seq()) dump.say("seq", payload.seq());
  dump.say("uuid", payload.uuid());
  dump.say("body", payload.body());
  for (const auto& metric : payload.metrics()) say_metric(dump, metric);
  return dump.take();
}

}  // namespace lineshaft::sparkplug
