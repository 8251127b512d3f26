// A connection as both libudt's threads and ours hold it.
#ifndef PARCEL_CUDT_CONNECTION_H
#define PARCEL_CUDT_CONNECTION_H
#include <atomic>
#include <mutex>

#include "CUDT.h"
#include "inside.h"

// Outlives the CUDT: holders are libudt's control object and the Swift side. `cudt` is good inside `lock` when not null: libudt
// calls the control's close, which takes `lock`, before it destroys anything. libudt does so holding its global lock, so
// nothing that takes that (any UDT:: call) may be done inside `lock`.
struct parcel_udt_connection {
  std::mutex lock;
  CUDT *cudt = nullptr;           // from attach until libudt closes it
  bool is_closed = false;         // libudt has closed it
  parcel_udt_facts last = {};     // as of then
  int send_buffer = 0;            // packets, as fixed before the connection; 0 before a limit was set
  int offered_window = 0;         // what the peer allowed in its handshake, packets
  std::atomic<bool> woken{false}; // a waiting receive shall return
  std::atomic<int> holders{1};
};

void parcel_udt_note_facts(CUDT *cudt, parcel_udt_facts *facts);

// Microseconds, of what libudt believes: a peer's acknowledgements say a round trip of their own, and a hostile one's a negative one or
// one of half an hour, which libudt's arithmetic makes anything of.
inline int parcel_udt_plausible_time(int microseconds) {
  const int longest = 60 * 1000 * 1000;
  return microseconds < 0 ? 0 : microseconds > longest ? longest : microseconds;
}

// Inside the connection's lock: `cudt`'s control object keeps to `pace` from now on.
void parcel_udt_set_pace(CUDT *cudt, const parcel_udt_pace &pace);

// How many of the processor's ticks are a microsecond for libudt, before the library starts.
void parcel_udt_set_clock(void);

// For setsockopt(UDT_CC).
class CCCVirtualFactory *parcel_udt_control_factory(const parcel_udt_hooks *hooks);

// The Swift object that belongs to the control of a connected socket, and its connection, now attached to `cudt`.
void *parcel_udt_attach_control(CUDT *cudt, parcel_udt_connection **connection);

#endif
