/* qr.c - the QR calls: sizes before memory, exact room, every refusal named, nothing beside the room. */
#include "fault.h"

#define LINK \
    "https://render.alipay.com/p/z/pointset/index.html?itemId=2016102020076000000009510377" \
    "&type=pointcard&token=5b78189e931a415f8c9b9df248a597a9&outBizNo=prize1476966783310"

static uint8_t scratch[POINTCARD_QR_SCRATCH_MAX], room[70000], whole[70000];

static pointcard_qr qr_of(void)
{
    pointcard_qr qr = POINTCARD_QR_INIT;
    qr.scratch = scratch;
    qr.scratch_cap = sizeof scratch;
    qr.out = room;
    qr.out_cap = sizeof room;
    return qr;
}

static pointcard_status draw(pointcard_qr *qr)
{
    return pointcard_qr_draw(LINK, strlen(LINK), qr, &fault);
}

static void test_sizes_come_before_memory(void)
{
    pointcard_qr qr = POINTCARD_QR_INIT;
    CHECK_EQ(pointcard_qr_measure(LINK, strlen(LINK), &qr, &fault), POINTCARD_OK);
    CHECK_EQ(strlen(LINK), 167);
    CHECK_EQ(qr.version, 9); /* 180 bytes with level M */
    CHECK_EQ(qr.modules, 53);
    CHECK_EQ(qr.level_used, POINTCARD_QR_MEDIUM);
    CHECK_EQ(qr.scale_used, 4);
    CHECK_EQ(qr.side, (53 + 8) * 4);
    CHECK_EQ(qr.row_bytes, 31);
    CHECK_EQ(qr.scratch_needed, POINTCARD_QR_SCRATCH(9));
    CHECK_EQ(qr.bits_needed, 31 * 244);
    CHECK_EQ(qr.escpos_needed, 8 + 31 * 244);
    CHECK_EQ(POINTCARD_QR_SCRATCH(40), POINTCARD_QR_SCRATCH_MAX);
    qr.flags = POINTCARD_QR_NATIVE;
    CHECK_EQ(pointcard_qr_measure(LINK, strlen(LINK), &qr, NULL), POINTCARD_OK);
    CHECK_EQ(qr.escpos_needed, 167 + 41);
}

/* With one byte less nothing is written; with the bytes named, not one more. */
static void test_room_is_exact(void)
{
    pointcard_qr qr = qr_of();
    qr.scratch_cap = POINTCARD_QR_SCRATCH(9) - 1;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "scratch", draw(&qr));
    CHECK_EQ(fault.at, POINTCARD_QR_SCRATCH(9));
    CHECK_EQ(qr.scratch_needed, POINTCARD_QR_SCRATCH(9));
    qr = qr_of();
    memset(room, 0x5A, sizeof room);
    qr.out_cap = 31 * 244 - 1;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out", draw(&qr));
    CHECK_EQ(fault.at, 31 * 244);
    CHECK_EQ(qr.bits_needed, 31 * 244);
    CHECK_EQ(qr.out_len, 0);
    CHECK_EQ(room[0], 0x5A);
    qr.out_cap++;
    qr.scratch_cap = qr.scratch_needed;
    memset(scratch, 0x5A, sizeof scratch);
    CHECK_EQ(draw(&qr), POINTCARD_OK);
    CHECK_EQ(qr.out_len, 31 * 244);
    CHECK_EQ(room[0], 0);
    CHECK_EQ(room[31 * 244], 0x5A);
    CHECK_EQ(scratch[qr.scratch_needed], 0x5A);
}

static void test_rows_keep_to_their_stride(void)
{
    pointcard_qr qr = qr_of();
    size_t at;
    CHECK_EQ(draw(&qr), POINTCARD_OK);
    memcpy(whole, room, qr.out_len);
    memset(room, 0x5A, sizeof room);
    qr.stride = 40;
    qr.flags = POINTCARD_QR_LIGHT_IS_ONE;
    CHECK_EQ(draw(&qr), POINTCARD_OK);
    CHECK_EQ(qr.out_len, 40 * 243 + 31);
    for (at = 0; at < 40 * 244; at++) {
        uint8_t wanted = at % 40 < 31 ? (uint8_t)~whole[at / 40 * 31 + at % 40] : 0x5A;
        CHECK_EQ(room[at], wanted);
    }
    qr.stride = 30;
    FAULTS(POINTCARD_ERR_RANGE, "stride", draw(&qr));
    CHECK_EQ(fault.at, 31);
}

struct paper {
    size_t len, most, stop_at;
};

static int32_t print(void *ctx, const uint8_t *bytes, size_t len)
{
    struct paper *paper = (struct paper *)ctx;
    CHECK(len > 0 && len <= paper->most);
    if (paper->len >= paper->stop_at) {
        return -5;
    }
    memcpy(whole + paper->len, bytes, len);
    paper->len += len;
    return 0;
}

static void test_printing_is_the_same_in_any_chunks(void)
{
    static const size_t chunks[] = {1, 7, 64, 70000};
    static uint8_t once[70000];
    pointcard_qr qr = qr_of();
    size_t at, len;
    qr.max_side = 384;
    qr.band = 24;
    CHECK_EQ(pointcard_qr_escpos(LINK, strlen(LINK), &qr, &fault), POINTCARD_OK);
    CHECK_EQ(qr.scale_used, 6);
    CHECK_EQ(qr.out_len, qr.escpos_needed);
    len = qr.out_len;
    memcpy(once, room, len);
    for (at = 0; at < sizeof chunks / sizeof *chunks; at++) {
        struct paper paper = {0, chunks[at], SIZE_MAX};
        qr.out_cap = chunks[at];
        qr.write = print;
        qr.ctx = &paper;
        CHECK_EQ(pointcard_qr_escpos(LINK, strlen(LINK), &qr, &fault), POINTCARD_OK);
        CHECK_EQ(paper.len, len);
        CHECK_EQ(qr.out_len, len);
        CHECK(memcmp(once, whole, len) == 0);
    }
}

static void test_a_printer_that_stops_is_told(void)
{
    struct paper paper = {0, 64, 128};
    pointcard_qr qr = qr_of();
    qr.out_cap = 64;
    qr.write = print;
    qr.ctx = &paper;
    FAULTS(POINTCARD_ERR_OUTPUT, "write", pointcard_qr_escpos(LINK, strlen(LINK), &qr, &fault));
    CHECK_EQ(fault.at, 128);
    CHECK_EQ(paper.len, 128);
    CHECK_EQ(qr.out_len, 128);
    qr.out_cap = 0;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_qr_escpos(LINK, strlen(LINK), &qr, &fault));
    qr = qr_of();
    qr.out_cap = 100;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_qr_escpos(LINK, strlen(LINK), &qr, &fault));
    CHECK_EQ(fault.at, qr.escpos_needed);
}

static void test_text_has_its_room(void)
{
    pointcard_qr qr = qr_of();
    size_t needed;
    CHECK_EQ(pointcard_qr_text(LINK, strlen(LINK), &qr, &fault), POINTCARD_OK);
    CHECK_EQ(strlen((char *)room), qr.out_len);
    CHECK(qr.out_len < qr.text_needed);
    needed = qr.out_len + 1;
    qr.out_cap = needed - 1;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out", pointcard_qr_text(LINK, strlen(LINK), &qr, &fault));
    CHECK_EQ(fault.at, needed);
    CHECK_STR((char *)room, "");
    qr.out_cap = needed;
    CHECK_EQ(pointcard_qr_text(LINK, strlen(LINK), &qr, &fault), POINTCARD_OK);
}

static void bad(pointcard_qr qr, pointcard_status wanted, const char *what, uint32_t at)
{
    FAULTS(wanted, what, draw(&qr));
    CHECK_EQ(fault.at, at);
}

#define BAD(member, value, wanted, at) \
    do { \
        pointcard_qr bad_qr = qr_of(); \
        bad_qr.member = value; \
        bad(bad_qr, wanted, #member, at); \
    } while (0)

static void test_bad_members_are_named(void)
{
    BAD(flags, 64, POINTCARD_ERR_ARGUMENT, 0);
    BAD(flags, POINTCARD_QR_DARK_TEXT | POINTCARD_QR_LIGHT_TEXT, POINTCARD_ERR_ARGUMENT, 0);
    BAD(level, 5, POINTCARD_ERR_RANGE, 4);
    BAD(scale, 17, POINTCARD_ERR_RANGE, 16);
    BAD(scale, UINT32_MAX, POINTCARD_ERR_RANGE, 16);
    BAD(quiet, 17, POINTCARD_ERR_RANGE, 16);
    BAD(min_version, 41, POINTCARD_ERR_RANGE, 40);
    BAD(max_version, 257, POINTCARD_ERR_RANGE, 40);
    BAD(max_side, 60, POINTCARD_ERR_RANGE, 61);
    BAD(band, 65536, POINTCARD_ERR_RANGE, 65535);
    BAD(reserved, 1, POINTCARD_ERR_ARGUMENT, 0);
    BAD(scratch, NULL, POINTCARD_ERR_NULL, 0);
    BAD(out, NULL, POINTCARD_ERR_NULL, 0);
}

static void test_bad_texts_are_named(void)
{
    static char text[3000];
    pointcard_qr qr = qr_of();
    memset(text, 'x', sizeof text);
    FAULTS(POINTCARD_ERR_MISSING, "text", pointcard_qr_draw(text, 0, &qr, &fault));
    FAULTS(POINTCARD_ERR_NULL, "text", pointcard_qr_draw(NULL, 1, &qr, &fault));
    FAULTS(POINTCARD_ERR_ENCODING, "text", pointcard_qr_draw("ab\xff", 3, &qr, &fault));
    CHECK_EQ(fault.at, 2);
    FAULTS(POINTCARD_ERR_TOO_LONG, "text", pointcard_qr_draw(text, 2332, &qr, &fault));
    CHECK_EQ(fault.at, 2331);
    qr.level = POINTCARD_QR_LOW;
    FAULTS(POINTCARD_ERR_TOO_LONG, "text", pointcard_qr_draw(text, 2954, &qr, &fault));
    CHECK_EQ(fault.at, POINTCARD_QR_TEXT_MAX);
    qr.scale = 1;
    CHECK_EQ(pointcard_qr_draw(text, 2953, &qr, &fault), POINTCARD_OK);
    CHECK_EQ(qr.version, 40);
    FAULTS(POINTCARD_ERR_NULL, "qr", pointcard_qr_draw(LINK, 3, NULL, &fault));
    qr.struct_size = 12;
    FAULTS(POINTCARD_ERR_STRUCT_SIZE, "qr", pointcard_qr_draw(LINK, 3, &qr, &fault));
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_sizes_come_before_memory);
    RUN(test_room_is_exact);
    RUN(test_rows_keep_to_their_stride);
    RUN(test_printing_is_the_same_in_any_chunks);
    RUN(test_a_printer_that_stops_is_told);
    RUN(test_text_has_its_room);
    RUN(test_bad_members_are_named);
    RUN(test_bad_texts_are_named);
    return 0;
}
