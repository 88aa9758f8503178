/** Bytes of qr.scratch for codes up to a version, 1 to 40. */
#define POINTCARD_QR_SCRATCH(version) \
    (2u * (1u + ((17u + 4u * (version)) * (17u + 4u * (version)) + 7u) / 8u))

#define POINTCARD_QR_INIT POINTCARD_INIT_(pointcard_qr)
