/* claim_qr.c - a claim link as a QR code: on the terminal, as a picture, for a receipt printer.
 *
 *   claim_qr LINK [PICTURE.pbm [PRINTER.bin [NATIVE.bin]]]
 *
 * LINK is what pointcard_claim_link or pointcard_redeem_start gave. PICTURE becomes a portable
 * bitmap (4 pixels per module); PRINTER the bytes of a picture for a 58 mm receipt printer (384
 * dots), NATIVE those for a printer that makes QR codes itself: `cat PRINTER > /dev/usb/lp0`.
 * Exit code: 0 done, 1 the link or a file is no good, 2 wrong use.
 */
#include <pointcard.h>
#include <stdio.h>
#include <string.h>

static uint8_t scratch[POINTCARD_QR_SCRATCH(20)]; /* links up to 666 bytes; all memory is ours */
static uint8_t out[32768];
static pointcard_fault fault = POINTCARD_FAULT_INIT;

static pointcard_qr lent(void)
{
    pointcard_qr qr = POINTCARD_QR_INIT;
    qr.scratch = scratch;
    qr.scratch_cap = sizeof scratch;
    qr.out = out;
    qr.out_cap = sizeof out;
    return qr;
}

static int failed(const char *doing)
{
    fprintf(stderr, "%s: %s\n", doing, fault.text);
    return 1;
}

/* Writes `len` bytes of `out` behind `head`. */
static int save(const char *path, const char *head, size_t len)
{
    FILE *file = fopen(path, "wb");
    int good = file != NULL && fputs(head, file) >= 0 && fwrite(out, 1, len, file) == len;
    if ((file != NULL && fclose(file) != 0) || !good) {
        perror(path);
        return 1;
    }
    return 0;
}

static int on_the_terminal(const char *link)
{
    pointcard_qr qr = lent();
    if (pointcard_qr_text(link, strlen(link), &qr, &fault) != POINTCARD_OK) {
        return failed("terminal");
    }
    fwrite(out, 1, qr.out_len, stdout);
    printf("version %u, %u modules a side\n", (unsigned)qr.version, (unsigned)qr.modules);
    return 0;
}

/* A portable bitmap is a head and the rows as the library draws them: 1 is dark. */
static int as_a_picture(const char *link, const char *path)
{
    pointcard_qr qr = lent();
    char head[32];
    qr.scale = 4;
    if (pointcard_qr_draw(link, strlen(link), &qr, &fault) != POINTCARD_OK) {
        return failed("picture");
    }
    snprintf(head, sizeof head, "P4\n%u %u\n", (unsigned)qr.side, (unsigned)qr.side);
    return save(path, head, qr.out_len);
}

/* What a till would hand to its printer's port. */
static int32_t print(void *ctx, const uint8_t *bytes, size_t len)
{
    return fwrite(bytes, 1, len, (FILE *)ctx) == len ? 0 : -1;
}

static int for_the_printer(const char *link, const char *path, uint32_t flags)
{
    pointcard_qr qr = lent();
    pointcard_status status;
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    qr.flags = flags;
    qr.scale = flags & POINTCARD_QR_NATIVE ? 4 : 0;
    qr.max_side = flags & POINTCARD_QR_NATIVE ? 0 : 384; /* else: as large as the paper is wide */
    qr.out_cap = 64; /* as much as goes to the printer at a time */
    qr.write = print;
    qr.ctx = file;
    status = pointcard_qr_escpos(link, strlen(link), &qr, &fault);
    if (fclose(file) != 0 && status == POINTCARD_OK) {
        perror(path);
        return 1;
    }
    return status == POINTCARD_OK ? 0 : failed("printer");
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "use: %s LINK [PICTURE.pbm [PRINTER.bin [NATIVE.bin]]]\n", argv[0]);
        return 2;
    }
    if (on_the_terminal(argv[1]) != 0) {
        return 1;
    }
    if (argc > 2 && as_a_picture(argv[1], argv[2]) != 0) {
        return 1;
    }
    if (argc > 3 && for_the_printer(argv[1], argv[3], 0) != 0) {
        return 1;
    }
    return argc > 4 ? for_the_printer(argv[1], argv[4], POINTCARD_QR_NATIVE) : 0;
}
