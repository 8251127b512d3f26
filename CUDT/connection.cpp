// Beside the bytes of a connection: what libudt counts, our own messages, waking a reader.
#include "connection.h"

#include <string.h>

void parcel_udt_note_facts(CUDT *cudt, parcel_udt_facts *facts) {
  facts->is_shut_down = inside::is_shut_down(cudt);
  facts->is_broken = inside::is_broken(cudt) || inside::is_closing(cudt);
  facts->readable = inside::receive_buffer(cudt)->getRcvDataSize() > 0;
  facts->unacknowledged = inside::send_buffer(cudt)->getCurrBufSize();
  facts->payload = inside::payload(cudt);
  facts->expirations = inside::expirations(cudt);
  facts->round_trip = parcel_udt_plausible_time(inside::round_trip(cudt));
  facts->round_trip_variance = parcel_udt_plausible_time(inside::round_trip_variance(cudt));
  facts->window = inside::congestion_window(cudt);
  if (facts->window > inside::peer_window(cudt)) facts->window = inside::peer_window(cudt);
  facts->sent = inside::sent(cudt);
  facts->received = inside::received(cudt);
  facts->heard = facts->received + inside::acknowledgements(cudt) + inside::loss_reports(cudt);
  facts->send_lost = inside::send_lost(cudt);
  facts->receive_lost = inside::receive_lost(cudt);
  facts->retransmitted = inside::retransmitted(cudt);
}

void parcel_udt_retain(parcel_udt_connection *connection) { connection->holders++; }

void parcel_udt_release(parcel_udt_connection *connection) {
  if (--connection->holders == 0) delete connection;
}

namespace {

// A light acknowledgement is believed whatever it says. Of packets that were never sent, libudt would look for the bytes after its next
// time-out, and send for no other connection meanwhile. With full acknowledgements it breaks the connection by itself.
bool is_ahead_of_us(CUDT *cudt) {
  int32_t acknowledged = inside::acknowledged(cudt);  // first: what is sent only grows
  return CSeqNo::seqcmp(acknowledged, CSeqNo::incseq(inside::newest_sent(cudt))) > 0;
}

}  // namespace

int parcel_udt_look(parcel_udt_connection *connection, parcel_udt_facts *facts) {
  std::lock_guard<std::mutex> guard(connection->lock);
  if (connection->cudt) {
    if (!inside::is_broken(connection->cudt) && is_ahead_of_us(connection->cudt)) {
      inside::broken_counter(connection->cudt) = 0;  // its collector need not wait for anybody to read
      inside::is_broken(connection->cudt) = true;
    }
    parcel_udt_note_facts(connection->cudt, &connection->last);
  }
  *facts = connection->last;
  if (connection->is_closed) facts->is_broken = 1;
  return connection->is_closed ? -1 : 0;
}

namespace {

// Inside the connection's lock.
void send_packet(CUDT *cudt, CPacket &packet) {
  packet.m_iTimeStamp = 0;
  packet.m_iID = inside::peer_id(cudt);
  inside::send_queue(cudt)->sendto(inside::peer_address(cudt), packet);
}

}  // namespace

int parcel_udt_tell(parcel_udt_connection *connection, const uint32_t *words, int count) {
  std::lock_guard<std::mutex> guard(connection->lock);
  if (!connection->cudt || count > 16) return -1;
  uint32_t copy[16];  // sending turns the bytes around in place
  memcpy(copy, words, size_t(count) * 4);
  int32_t subtype = PARCEL_UDT_SUBTYPE;
  CPacket packet;
  packet.pack(0x7FFF, &subtype, copy, count * 4);
  send_packet(connection->cudt, packet);
  return 0;
}

void parcel_udt_say_goodbye(parcel_udt_connection *connection) {
  std::lock_guard<std::mutex> guard(connection->lock);
  if (!connection->cudt || inside::is_shut_down(connection->cudt)) return;
  CPacket packet;
  packet.pack(5);
  send_packet(connection->cudt, packet);
}

void parcel_udt_report_missing(parcel_udt_connection *connection, const int32_t *words, int count) {
  int32_t copy[256];  // sending turns the bytes around in place
  if (count <= 0 || count > 256) return;
  memcpy(copy, words, size_t(count) * 4);
  std::lock_guard<std::mutex> guard(connection->lock);
  if (!connection->cudt || inside::is_broken(connection->cudt)) return;
  CPacket packet;
  packet.pack(3, nullptr, copy, count * 4);
  send_packet(connection->cudt, packet);
}

void parcel_udt_send_again(parcel_udt_connection *connection, const int32_t *sequences, int count) {
  std::lock_guard<std::mutex> guard(connection->lock);
  CUDT *cudt = connection->cudt;
  if (!cudt || inside::is_broken(cudt) || inside::is_closing(cudt)) return;
  // As libudt does for a loss report, so it is libudt that finds the bytes, in a buffer that it has not freed. Its lock keeps an
  // acknowledgement, which may come on another thread here, from passing the packet between the look and the insertion.
  pthread_mutex_lock(&inside::acknowledge_lock(cudt));
  for (int index = 0; index < count; index++) {
    int32_t sequence = sequences[index];
    // From the latest acknowledgement on, as libudt does: the list has twice as many places as the peer's window, from there every packet
    // on its way has one, and a number further back would be written in front of the list. A light acknowledgement, of which the data's
    // knows nothing, may lie that far ahead.
    if (CSeqNo::seqcmp(sequence, inside::acknowledged_data(cudt)) < 0) continue;
    if (CSeqNo::seqcmp(sequence, inside::acknowledged(cudt)) < 0) continue;
    if (CSeqNo::seqcmp(sequence, inside::newest_sent(cudt)) > 0) continue;
    inside::send_loss_list(cudt)->insert(sequence, sequence);
  }
  pthread_mutex_unlock(&inside::acknowledge_lock(cudt));
  inside::send_list(inside::send_queue(cudt))->update(cudt, false);
}

void parcel_udt_steer(parcel_udt_connection *connection, const parcel_udt_pace *pace) {
  std::lock_guard<std::mutex> guard(connection->lock);
  CUDT *cudt = connection->cudt;
  if (!cudt || inside::is_broken(cudt) || inside::is_closing(cudt)) return;
  parcel_udt_set_pace(cudt, *pace);
  inside::interval(cudt) = uint64_t(pace->period * double(inside::clock_frequency(cudt)));
  inside::congestion_window(cudt) = pace->window;
  // It left the list when the window was full.
  inside::send_list(inside::send_queue(cudt))->update(cudt, false);
}

const void *parcel_udt_beat(parcel_udt_connection *connection) {
  std::lock_guard<std::mutex> guard(connection->lock);
  CUDT *cudt = connection->cudt;
  if (!cudt || inside::is_broken(cudt) || inside::is_closing(cudt)) return nullptr;
  CSndQueue *queue = inside::send_queue(cudt);
  inside::timer(queue)->tick();
  return queue;
}

void parcel_udt_limit_backlog(parcel_udt_connection *connection, int packets) {
  std::lock_guard<std::mutex> guard(connection->lock);
  CUDT *cudt = connection->cudt;
  if (!cudt) return;
  if (connection->send_buffer == 0) connection->send_buffer = inside::send_buffer_size(cudt);
  pthread_mutex_lock(&inside::send_room_lock(cudt));
  inside::send_buffer_size(cudt) = packets < connection->send_buffer ? packets : connection->send_buffer;
  // libudt itself wakes a writer only when something is acknowledged.
  pthread_cond_signal(&inside::send_room_condition(cudt));
  pthread_mutex_unlock(&inside::send_room_lock(cudt));
}

void parcel_udt_wake(parcel_udt_connection *connection) {
  std::lock_guard<std::mutex> guard(connection->lock);
  connection->woken = true;
  CUDT *cudt = connection->cudt;
  if (!cudt) return;
  pthread_mutex_lock(&inside::data_lock(cudt));
  pthread_cond_signal(&inside::data_condition(cudt));
  pthread_mutex_unlock(&inside::data_lock(cudt));
}
