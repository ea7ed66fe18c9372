#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/admin/backend.h"
#include "broker/admin/http_server.h"
#include "broker/app/options.h"
#include "broker/base/time.h"
#include "broker/net/server.h"
#include "storage/journal_writer.h"

namespace lineshaft::app {

/// Takes the answer of a reload; any thread may call it.
using ReloadAnswer = std::function<void(admin::ReloadOutcome)>;

/// The admin room and what it knows of the broker. Called by the main thread; the room's thread
/// reads. Declared after what it reads, so that its thread ends first.
class AdminRoom final : public admin::Backend {
 public:
  /// `options` and `clock` outlive it. `reload` hands the request to the main thread. `sources`:
  /// what other parts add to /metrics; called by the room's thread from `start` to `stop`.
  AdminRoom(const Options& options, Clock& clock, std::function<void(ReloadAnswer)> reload,
            std::vector<admin::MetricsSource> sources);
  ~AdminRoom() override { stop(); }

  /// Opens socket and TCP listener. From then on the broker counts as starting.
  std::optional<net::ListenError> start() { return http_.start(); }
  /// Listeners are open. Both outlive this object; `addresses` in the order of the options.
  void set_running(net::Server& server, const storage::JournalWriter& journal,
                   const std::vector<std::string>& addresses);
  void set_draining() { phase_ = admin::Phase::draining; }
  void set_stopping() { phase_ = admin::Phase::stopping; }
  void stop() { http_.stop(); }

  // For the room.
  admin::BrokerFacts facts() override;
  bool ask_core(std::function<void(const core::Statistics&)> answer) override;
  using Answer = std::function<void(const core::RequestAnswer&)>;
  bool ask_policy(core::InterceptorRequest request, Answer answer) override;
  bool ask_extension(core::ExtensionRequest request, Answer answer) override;
  bool reload(std::function<void(admin::ReloadOutcome)> answer) override;

 private:
  bool has_core() const;
  bool ask(core::Request request, Answer answer);
  void answer_askers(const core::Statistics& statistics);

  const Options& options_;
  Clock& clock_;
  const Now started_;
  const std::function<void(ReloadAnswer)> reload_;

  /// What stands below is written before it says `running` and read only after it does.
  std::atomic<admin::Phase> phase_{admin::Phase::starting};
  net::Server* server_ = nullptr;
  const storage::JournalWriter* journal_ = nullptr;
  std::vector<admin::ListenerFacts> listeners_;

  /// Pages that wait for the answer to the one request that is on its way.
  std::mutex askers_mutex_;
  std::vector<std::function<void(const core::Statistics&)>> askers_;

  /// Questions to policy and extensions that are on their way.
  std::atomic<std::size_t> policy_questions_{0};

  admin::RequestTotals totals_;
  admin::HttpServer http_;
};

/// The admin room's listeners: the Unix socket, then TCP if it is configured.
std::vector<net::ListenerOptions> admin_listeners(const AdminOptions& options);

}  // namespace lineshaft::app
