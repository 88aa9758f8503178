# The machines the till runs on; sourced by build.sh and tests/firmware/run.sh.
#
# In: `core NAME`. Out: rust (Rust's target), flags (the compiler's), flash and ram (where the
# machine has them), flash_size, features and rustflags (the library's and the compiler's, for this
# core), hz (SysTick's clock), uart (1 CMSDK, 2 Nordic) and uart_at, machine (QEMU's).
# QEMU has no Cortex-M0+ board: the M0+ image runs on its Cortex-M0 (the same instructions), given
# the 128 KiB of RAM a small terminal has instead of the toy's 16.

CORES="m4 m3 m7 m33 m0"

core() {
    features="" rustflags="" flash=0x00000000 flash_size=1024K ram=0x20000000 hz=25000000 uart=1 uart_at=0x40004000
    case $1 in
    m4)
        rust=thumbv7em-none-eabihf machine="-M mps2-an386"
        flags="-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16"
        ;;
    m3)
        rust=thumbv7m-none-eabi machine="-M mps2-an385"
        flags="-mcpu=cortex-m3"
        ;;
    m7)
        rust=thumbv7em-none-eabihf machine="-M mps2-an500"
        flags="-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16"
        ;;
    m33)
        rust=thumbv8m.main-none-eabi machine="-M mps2-an505"
        flags="-mcpu=cortex-m33 -mfloat-abi=soft"
        features=dsp rustflags=-Ctarget-cpu=cortex-m33
        flash=0x10000000 ram=0x38000000 hz=20000000 uart_at=0x40200000
        ;;
    m0)
        rust=thumbv6m-none-eabi machine="-M microbit -global nrf51-soc.sram-size=131072"
        flags="-mcpu=cortex-m0plus"
        hz=16000000 uart=2 uart_at=0x40002000 flash_size=256K
        ;;
    *)
        echo "no core named $1; known: $CORES" >&2
        return 1
        ;;
    esac
}

# Cargo's options for size, or for FIRMWARE_OPT.
optimised() {
    case ${FIRMWARE_OPT:-} in
    "") echo "--config examples/firmware/size.toml" ;;
    *) echo "--config profile.release.opt-level=$FIRMWARE_OPT" ;;
    esac
}
