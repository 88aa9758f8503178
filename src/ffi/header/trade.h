/** An amount the answer does not tell. */
#define POINTCARD_NO_AMOUNT UINT64_MAX

#define POINTCARD_TRADE_INIT POINTCARD_INIT_(pointcard_trade)
