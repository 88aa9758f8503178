/* fault.h - calls without a client say what is wrong in a fault. */
#ifndef FAULT_H
#define FAULT_H

#include "till.h"

static pointcard_fault fault = POINTCARD_FAULT_INIT;

/* The call fails with `wanted` and says so of `what`. */
#define FAULTS(wanted, what_, call) \
    do { \
        CHECK_EQ(call, wanted); \
        CHECK_EQ(fault.status, wanted); \
        CHECK_STR(fault.what, what_); \
        CHECK(strncmp(fault.text, what_, strlen(what_)) == 0); \
    } while (0)

#endif
