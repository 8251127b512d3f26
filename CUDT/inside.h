// What libudt knows and does not say. Naming a private member in an explicit instantiation is allowed; the layout is right
// because header and static library are of one package.
#ifndef PARCEL_CUDT_INSIDE_H
#define PARCEL_CUDT_INSIDE_H
#include <udt/core.h>
#include <udt/udt.h>

namespace inside {

template <typename Tag, typename Tag::type Member> struct Reveal {
  friend typename Tag::type reveal(Tag) { return Member; }
};

// reveal of a member function or of another class's member: a pointer to it.
#define PARCEL_REVEAL_MEMBER(name, Class, Type, member)          \
  struct name##_tag {                                            \
    typedef Type Class::*type;                                   \
    friend type reveal(name##_tag);                              \
  };                                                             \
  template struct Reveal<name##_tag, &Class::member>;            \
  inline Type &name(Class *object) { return object->*reveal(name##_tag()); }

// inside::name(cudt) is the private member CUDT::member.
#define PARCEL_REVEAL(name, Type, member)                        \
  struct name##_tag {                                            \
    typedef Type CUDT::*type;                                    \
    friend type reveal(name##_tag);                              \
  };                                                             \
  template struct Reveal<name##_tag, &CUDT::member>;             \
  inline Type &name(CUDT *cudt) { return cudt->*reveal(name##_tag()); }

PARCEL_REVEAL(is_shut_down, volatile bool, m_bShutdown)
PARCEL_REVEAL(is_broken, volatile bool, m_bBroken)
PARCEL_REVEAL(broken_counter, int, m_iBrokenCounter)
PARCEL_REVEAL(is_closing, volatile bool, m_bClosing)
PARCEL_REVEAL(is_connected, volatile bool, m_bConnected)
PARCEL_REVEAL(control, CCC *, m_pCC)
PARCEL_REVEAL(peer_id, UDTSOCKET, m_PeerID)
PARCEL_REVEAL(peer_address, sockaddr *, m_pPeerAddr)
PARCEL_REVEAL(send_queue, CSndQueue *, m_pSndQueue)
PARCEL_REVEAL(receive_queue, CRcvQueue *, m_pRcvQueue)
PARCEL_REVEAL(send_buffer, CSndBuffer *, m_pSndBuffer)
PARCEL_REVEAL(receive_buffer, CRcvBuffer *, m_pRcvBuffer)
PARCEL_REVEAL(receive_lock, pthread_mutex_t, m_RecvLock)
PARCEL_REVEAL(data_lock, pthread_mutex_t, m_RecvDataLock)
PARCEL_REVEAL(data_condition, pthread_cond_t, m_RecvDataCond)
PARCEL_REVEAL(expirations, int, m_iEXPCount)
PARCEL_REVEAL(segment, int, m_iMSS)
PARCEL_REVEAL(payload, int, m_iPayloadSize)
PARCEL_REVEAL(round_trip, int, m_iRTT)
PARCEL_REVEAL(round_trip_variance, int, m_iRTTVar)
PARCEL_REVEAL(peer_window, volatile int, m_iFlowWindowSize)
PARCEL_REVEAL(congestion_window, volatile double, m_dCongestionWindow)
PARCEL_REVEAL(sent, int64_t, m_llSentTotal)
PARCEL_REVEAL(received, int64_t, m_llRecvTotal)
PARCEL_REVEAL(send_lost, int, m_iSndLossTotal)
PARCEL_REVEAL(receive_lost, int, m_iRcvLossTotal)
PARCEL_REVEAL(retransmitted, int, m_iRetransTotal)
PARCEL_REVEAL(acknowledgements, int, m_iRecvACKTotal)
PARCEL_REVEAL(loss_reports, int, m_iRecvNAKTotal)
PARCEL_REVEAL(peer_first, int32_t, m_iPeerISN)
PARCEL_REVEAL(send_loss_list, CSndLossList *, m_pSndLossList)
PARCEL_REVEAL(acknowledge_lock, pthread_mutex_t, m_AckLock)
PARCEL_REVEAL(acknowledged_data, volatile int32_t, m_iSndLastDataAck)
PARCEL_REVEAL(acknowledged, volatile int32_t, m_iSndLastAck)
PARCEL_REVEAL(newest_sent, volatile int32_t, m_iSndCurrSeqNo)
PARCEL_REVEAL(interval, volatile uint64_t, m_ullInterval)
PARCEL_REVEAL(clock_frequency, uint64_t, m_ullCPUFrequency)
PARCEL_REVEAL(received_up_to, int32_t, m_iRcvLastAck)
PARCEL_REVEAL(send_buffer_size, int, m_iSndBufSize)
PARCEL_REVEAL(send_room_lock, pthread_mutex_t, m_SendBlockLock)
PARCEL_REVEAL(send_room_condition, pthread_cond_t, m_SendBlockCond)
PARCEL_REVEAL_MEMBER(send_list, CSndQueue, CSndUList *, m_pSndUList)
PARCEL_REVEAL_MEMBER(timer, CSndQueue, CTimer *, m_pTimer)
PARCEL_REVEAL_MEMBER(socket_of, CCC, UDTSOCKET, m_UDT)

struct remove_connector_tag {
  typedef void (CRcvQueue::*type)(const UDTSOCKET &);
  friend type reveal(remove_connector_tag);
};
template struct Reveal<remove_connector_tag, &CRcvQueue::removeConnector>;
// `queue` knows no more of a socket that was to be connected.
inline void remove_connector(CRcvQueue *queue, UDTSOCKET socket) { (queue->*reveal(remove_connector_tag()))(socket); }

#undef PARCEL_REVEAL
#undef PARCEL_REVEAL_MEMBER

// Null when libudt has cleared the socket away. Good for a second at least: that is how long it keeps what it clears away.
inline CUDT *find(int socket) { return CUDT::getUDTHandle(socket); }

}  // namespace inside
#endif
