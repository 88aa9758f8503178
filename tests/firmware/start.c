/* From reset to main. The exit status goes to a semihosting debugger (QEMU), if one is there. */
#include <stdint.h>

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];
int main(void);
void reset(void);

#ifdef POINTCARD_SEMIHOSTING
static void leave(int status)
{
    uint32_t block[2] = { 0x20026, (uint32_t)status };
    register uint32_t op __asm__("r0") = 0x20;
    register void *arg __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(op) : "r"(arg) : "memory");
}
#else
static void leave(int status)
{
    (void)status;
}
#endif

void reset(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the FPU on */
    leave(main());
    for (;;) { }
}

static void fault(void)
{
    leave(99);
    for (;;) { }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, reset, fault, fault, fault, fault, fault,
};
