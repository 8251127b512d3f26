// libudt's own congestion control, without a connection around it.
#include <udt/core.h>
#include <udt/udt.h>

#include "CHookCost.h"

struct stock_law : public CUDTCC {
  // As a connection does before and after `init`.
  stock_law(int32_t first, int window) {
    m_iMSS = 1500;
    m_dMaxCWndSize = window;
    m_iSndCurrSeqNo = CSeqNo::decseq(first);
    m_iRcvRate = 16;
    m_iRTT = 100000;
    m_iBandwidth = 1;
    init();
  }
  void measured(int32_t newest, int receive_rate, int capacity, int round_trip) {
    m_iSndCurrSeqNo = newest;
    m_iRcvRate = receive_rate;
    m_iBandwidth = capacity;
    m_iRTT = round_trip;
  }
  double period() const { return m_dPktSndPeriod; }
  double window() const { return m_dCWndSize; }
};

stock_law *stock_law_make(int32_t first, int window) { return new stock_law(first, window); }
void stock_law_release(stock_law *law) { delete law; }
void stock_law_measured(stock_law *law, int32_t newest, int receive_rate, int capacity, int round_trip) {
  law->measured(newest, receive_rate, capacity, round_trip);
}
void stock_law_acknowledged(stock_law *law, int32_t sequence) { law->onACK(sequence); }
void stock_law_lost(stock_law *law, const int32_t *words, int count) { law->onLoss(words, count); }
void stock_law_pace(const stock_law *law, double *period, double *window) {
  *period = law->period();
  *window = law->window();
}
