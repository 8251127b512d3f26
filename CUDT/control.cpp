// What libudt calls: congestion control, repair, and the messages between our own ends.
#include <string.h>

#include "connection.h"

namespace {

// libudt makes one per connection when it is connected, and destroys it a second or more after it was closed.
//
// With PARCEL_UDT_NATIVE libudt's own law (the base class) rules; else the hooks do, and the base class is only a CCC.
class Control : public CUDTCC {
public:
  explicit Control(const parcel_udt_hooks &hooks) : hooks(hooks), connection(new parcel_udt_connection) {
    context = hooks.make(connection);
  }
  ~Control() {
    hooks.release(context);
    parcel_udt_release(connection);
  }

  virtual void init() {
    CUDTCC::init();
    connection->offered_window = int(m_dMaxCWndSize);
    parcel_udt_opening opening = {};
    // The server counts from the number that the client chose, so both directions begin with the same.
    opening.first = CSeqNo::incseq(m_iSndCurrSeqNo);
    opening.window = int(m_dMaxCWndSize);
    opening.payload = m_iMSS - 28 - 16;
    opening.congestion = hooks.congestion;
    opening.rate = hooks.rate;
    hooks.opened(context, &opening);
    if (isNative()) return;
    // Until the first acknowledgement; the hooks say better with the first packet.
    m_dPktSndPeriod = 1000;
    m_dCWndSize = 32;
  }

  // By whoever closes: our close, or libudt's collector, which holds libudt's global lock.
  virtual void close() {
    CUDTCC::close();
    std::lock_guard<std::mutex> guard(connection->lock);
    if (connection->cudt) parcel_udt_note_facts(connection->cudt, &connection->last);
    connection->cudt = nullptr;
    connection->is_closed = true;
  }

  virtual void onACK(int32_t sequence) {
    if (isNative()) {
      CUDTCC::onACK(sequence);
      return keepToOffer();
    }
    parcel_udt_pace pace = {m_dPktSndPeriod, m_dCWndSize};
    hooks.acknowledged(context, sequence, &pace);
    keepTo(pace);
  }

  virtual void onLoss(const int32_t *words, int count) {
    if (isNative()) return CUDTCC::onLoss(words, count);
    parcel_udt_pace pace = {m_dPktSndPeriod, m_dCWndSize};
    hooks.lost(context, words, count, &pace);
    keepTo(pace);
  }

  virtual void onTimeout() {
    if (isNative()) return CUDTCC::onTimeout();
    parcel_udt_pace pace = {m_dPktSndPeriod, m_dCWndSize};
    hooks.timed_out(context, &pace);
    keepTo(pace);
  }

  // The send thread, inside the send list's lock: libudt cannot destroy the connection meanwhile.
  virtual void onPktSent(const CPacket *packet) {
    if (isNative()) return;
    CUDT *cudt = owner.load(std::memory_order_acquire);
    int backlog = 1;
    if (cudt) {
      int span = CSeqNo::seqoff(int32_t(inside::acknowledged_data(cudt)), CSeqNo::incseq(packet->m_iSeqNo));
      backlog = inside::send_buffer(cudt)->getCurrBufSize() - span;
    }
    hooks.sent(context, packet->m_iSeqNo, packet->getLength(), backlog);
  }

  // The receive thread, no lock held, before libudt has looked at it.
  virtual void onPktReceived(const CPacket *packet) {
    CUDT *cudt = found();
    if (!cudt) return;
    // Without room libudt drops it: it has not arrived.
    int offset = CSeqNo::seqoff(inside::received_up_to(cudt), packet->m_iSeqNo);
    if (offset >= inside::receive_buffer(cudt)->getAvailBufSize()) return;
    hooks.arrived(context, packet->m_iSeqNo, parcel_udt_plausible_time(inside::round_trip(cudt)),
                  parcel_udt_plausible_time(inside::round_trip_variance(cudt)));
  }

  // The receive thread, no lock held. libudt has put the words into this machine's byte order.
  virtual void processCustomMsg(const CPacket *packet) {
    if (packet->getExtendedType() != PARCEL_UDT_SUBTYPE) return;
    const int longest = 128;
    uint32_t words[longest];
    int count = packet->getLength() / 4;
    if (count > longest) count = longest;
    memcpy(words, packet->m_pcData, size_t(count) * 4);
    hooks.received(context, words, count);
  }

  // libudt's own law makes its window of a rate that the peer says. More than it has offered finds no place in libudt's list of losses.
  void keepToOffer() {
    if (!(m_dCWndSize <= m_dMaxCWndSize)) m_dCWndSize = m_dMaxCWndSize;
    if (m_dCWndSize < 16) m_dCWndSize = 16;
  }

  void keepTo(const parcel_udt_pace &pace) {
    m_dPktSndPeriod = pace.period;
    m_dCWndSize = pace.window;
  }

  // Data may come in before anybody has accepted the connection. The receive thread.
  CUDT *found() {
    CUDT *cudt = owner.load(std::memory_order_acquire);
    if (cudt) return cudt;
    cudt = inside::find(inside::socket_of(this));
    if (!cudt || inside::control(cudt) != this) return nullptr;
    attach(cudt);
    return cudt;
  }

  void attach(CUDT *cudt) {
    std::lock_guard<std::mutex> guard(connection->lock);
    if (connection->is_closed) return;
    connection->cudt = cudt;
    owner.store(cudt, std::memory_order_release);
  }

  bool isNative() const { return hooks.congestion == PARCEL_UDT_NATIVE; }

  parcel_udt_hooks hooks;
  parcel_udt_connection *connection;
  void *context;
  // Good on libudt's own threads, which it stops before it destroys a connection.
  std::atomic<CUDT *> owner{nullptr};
};

class Factory : public CCCVirtualFactory {
public:
  explicit Factory(const parcel_udt_hooks &hooks) : hooks(hooks) {}
  virtual CCC *create() { return new Control(hooks); }
  virtual CCCVirtualFactory *clone() { return new Factory(hooks); }

private:
  parcel_udt_hooks hooks;
};

}  // namespace

CCCVirtualFactory *parcel_udt_control_factory(const parcel_udt_hooks *hooks) { return new Factory(*hooks); }

void parcel_udt_set_pace(CUDT *cudt, const parcel_udt_pace &pace) {
  static_cast<Control *>(inside::control(cudt))->keepTo(pace);
}

void *parcel_udt_attach_control(CUDT *cudt, parcel_udt_connection **connection) {
  // Every socket has our factory, so this is ours.
  Control *control = static_cast<Control *>(inside::control(cudt));
  *connection = control->connection;
  control->attach(cudt);
  return control->context;
}
