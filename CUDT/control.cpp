// What libudt calls: congestion control (libudt's own for now, inherited) and the messages between our own ends.
#include <string.h>

#include "connection.h"

namespace {

// libudt makes one per connection when it is connected, and destroys it a second or more after it was closed.
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
  }

  // By whoever closes: our close, or libudt's collector, which holds libudt's global lock.
  virtual void close() {
    CUDTCC::close();
    std::lock_guard<std::mutex> guard(connection->lock);
    if (connection->cudt) parcel_udt_note_facts(connection->cudt, &connection->last);
    connection->cudt = nullptr;
    connection->is_closed = true;
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

  parcel_udt_hooks hooks;
  parcel_udt_connection *connection;
  void *context;
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

void *parcel_udt_attach_control(CUDT *cudt, parcel_udt_connection **connection) {
  // Every socket has our factory, so this is ours.
  Control *control = static_cast<Control *>(inside::control(cudt));
  *connection = control->connection;
  std::lock_guard<std::mutex> guard(control->connection->lock);
  if (!control->connection->is_closed) control->connection->cudt = cudt;
  return control->context;
}
