#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/interceptor.h"

namespace lineshaft::test {

/// Answers what the test says, by name and topic; everything it was told nothing about is allowed.
/// All who have the same name and zone are one class.
class Answering final : public core::Interceptor {
 public:
  using Place = std::pair<std::string, std::string>;

  core::Context* context = nullptr;
  std::map<Place, core::PublishVerdict> publishes;
  std::map<Place, core::PublishVerdict> wills_due;
  std::map<Place, core::DeliverVerdict> delivers;
  std::map<Place, core::SubscribeVerdict> subscribes;
  std::map<std::string, core::ConnectVerdict> connects;
  /// Authors that nothing is shown of; "" is an unknown one.
  std::map<std::string, bool> hidden_authors;
  std::function<Milliseconds()> send_waits;
  std::function<void(const Message&)> at_publish;
  std::function<void()> at_edge;
  std::map<Place, std::string> restored;
  std::size_t subscribe_questions = 0;
  std::size_t deliver_questions = 0;
  std::size_t send_questions = 0;
  std::size_t clock_set_backs = 0;
  std::vector<std::string> gone;
  /// Without: everybody has rights of his own.
  bool has_classes = true;

  void on_install(core::Context& one) override { context = &one; }
  core::PolicyClass classify(const core::Subject& subject) override {
    if (!has_classes) return core::no_policy_class;
    const std::string key = subject.principal.zone + '/' + subject.principal.name;
    return classes_.try_emplace(key, classes_.size()).first->second;
  }
  core::ConnectVerdict on_connect(const core::Subject& subject) override {
    return answer(connects, subject.principal.name);
  }
  core::PublishVerdict on_publish(const core::Subject& subject, const Message& message) override {
    if (at_publish) at_publish(message);
    return answer(publishes, place(subject, message.topic()));
  }
  core::PublishVerdict on_will(const core::Subject& subject, const Message& message,
                               WillMoment moment) override {
    return moment == WillMoment::stored ? on_publish(subject, message)
                                        : answer(wills_due, place(subject, message.topic()));
  }
  core::SubscribeVerdict on_subscribe(const core::Subject& subject,
                                      std::string_view filter) override {
    ++subscribe_questions;
    return answer(subscribes, place(subject, filter));
  }
  core::DeliverVerdict on_deliver(const core::Subject& subject, const Message& message) override {
    ++deliver_questions;
    return answer(delivers, place(subject, message.topic()), core::DeliverVerdict::all(true));
  }
  Milliseconds on_send(const core::Subject&, const Message&) override {
    ++send_questions;
    return send_waits ? send_waits() : Milliseconds{0};
  }
  bool on_replay(const core::Principal* author, const Message&) override {
    return !hidden_authors.contains(author == nullptr ? std::string() : author->name);
  }
  void on_disconnect(const core::Subject& subject) override {
    gone.emplace_back(subject.client_id);
  }
  void on_restore(std::string_view family, std::string_view key, std::string_view value) override {
    restored[{std::string(family), std::string(key)}] = value;
  }
  void on_edge() override {
    if (at_edge) at_edge();
  }
  void on_clock_set_back() override { ++clock_set_backs; }
  core::RequestAnswer on_request(std::string_view verb, std::string_view body,
                                 const core::Subject* subject) override {
    if (verb == "keep") {
      context->persist("kept", body, "1");
      return {core::RequestAnswer::State::done, "kept"};
    }
    if (verb != "echo") return {};
    const std::string who = subject == nullptr ? "nobody" : subject->principal.name;
    return {core::RequestAnswer::State::done, who + ":" + std::string(body)};
  }

 private:
  static Place place(const core::Subject& subject, std::string_view topic) {
    return {subject.principal.name, std::string(topic)};
  }
  template <class Answers>
  static typename Answers::mapped_type answer(const Answers& answers,
                                              const typename Answers::key_type& key,
                                              typename Answers::mapped_type otherwise = {}) {
    const auto found = answers.find(key);
    return found == answers.end() ? otherwise : found->second;
  }

  std::map<std::string, core::PolicyClass> classes_;
};

inline core::DeliverVerdict denied_delivery() { return core::DeliverVerdict::all(false); }

}  // namespace lineshaft::test
