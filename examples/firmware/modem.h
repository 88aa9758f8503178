/* The line to the gateway: pointcard's transport over a serial modem. */
#ifndef MODEM_H
#define MODEM_H

#include <pointcard.h>

pointcard_transport modem_line(void);

#endif
