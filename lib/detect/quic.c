// SPDX-License-Identifier: BSD-3-Clause
// QUIC's first packets (RFC 9000, RFC 9001, RFC 9369), recognised on any port: they are encrypted with
// keys that anybody can derive from the packet itself, and authenticated, so what opens is QUIC.
//
// quic.sni  the server name that the client asks for, as tls.sni
//
// A ClientHello that does not fit into one datagram (RFC 9001 section 4) is read as far as each
// datagram tells: its start, or the extension with the name as a whole. A name that is cut by the
// border between two datagrams is not seen.
//
// Cost: 5 to 10 us for a client's Initial packet, and therefore no more of them in a millisecond than
// the findings' owner allows; nothing but a few compares for all others.
#include "detect/tls.h"

#include <netinet/in.h>
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <string.h>

enum {
	DATAGRAM_MIN = 1200, // a server discards Initials in smaller ones, RFC 9000 section 14.1
	DATAGRAM_MAX = 1500,
	FORM_LONG = 0x80,
	FIXED = 0x40,
	RESERVED = 0x0c,
	TYPE_SHIFT = 4,
	CONNECTION_ID_MAX = 20,
	CONNECTION_ID_MIN = 8, // of a client's first one, RFC 9000 section 7.2
	SALT_BYTES = 20,
	SECRET_BYTES = SHA256_DIGEST_SIZE,
	IV_BYTES = GCM_IV_SIZE,
	TAG_BYTES = GCM_DIGEST_SIZE,
	SAMPLE_BYTES = AES_BLOCK_SIZE,
	SAMPLE_OFFSET = 4, // RFC 9001 section 5.4.2
	CRYPTO_MAX = 4096, // bytes of a handshake that are put in order
	OPENED_MAX = 4, // packets of one datagram
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6,
};

// Of packets with long headers, as RFC 9000 section 17.2 numbers them.
enum kind {
	KIND_INITIAL,
	KIND_0RTT,
	KIND_HANDSHAKE,
	KIND_RETRY,
	KIND_COUNT
};

struct version {
	uint32_t first, last; // the same salt for all of them
	uint8_t initial; // type of an Initial packet; the other kinds follow
	const char *prefix; // of the labels
	uint8_t salt[SALT_BYTES];
};

// RFC 9001 section 5.2, RFC 9369 section 3.3.1, draft-ietf-quic-tls-29 and -27 section 5.2.
static const struct version versions[] = {
	{ 1, 1, 0, "quic ",
			{ 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6,
					0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a } },
	{ 0x6b3343cf, 0x6b3343cf, 1, "quicv2 ",
			{ 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe,
					0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 } },
	{ 0xff00001d, 0xff000020, 0, "quic ",
			{ 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1,
					0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 } },
	{ 0xff000017, 0xff00001c, 0, "quic ",
			{ 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43,
					0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 } },
};

struct cursor {
	const uint8_t *at, *end;
	bool is_short; // something was asked for that is not there
};

static const uint8_t *take(struct cursor *cursor, size_t count)
{
	const uint8_t *bytes = cursor->at;

	if (cursor->is_short || (size_t)(cursor->end - bytes) < count) {
		cursor->is_short = true;
		return NULL;
	}
	cursor->at += count;
	return bytes;
}

// RFC 9000 section 16.
static uint64_t take_varint(struct cursor *cursor)
{
	const uint8_t *first = take(cursor, 1), *rest;
	unsigned more;
	uint64_t value;

	if (first == NULL)
		return 0;
	more = (1u << (*first >> 6)) - 1;
	value = *first & 0x3f;
	rest = take(cursor, more);
	for (unsigned i = 0; rest != NULL && i < more; i++)
		value = value << 8 | rest[i];
	return value;
}

// A packet with a long header in its datagram; what is opened of it is Initial.
struct initial {
	const struct version *version;
	enum kind kind;
	const uint8_t *packet; // first byte of its header
	const uint8_t *id; // destination connection ID
	size_t id_length, source_id_length;
	const uint8_t *number; // the protected packet number
	size_t length; // bytes from there to the end
};

static const struct version *version_of(const uint8_t *packet)
{
	uint32_t number = (uint32_t)packet[1] << 24 | packet[2] << 16 | packet[3] << 8 | packet[4];

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (number >= versions[i].first && number <= versions[i].last)
			return &versions[i];
	return NULL;
}

// RFC 9000 section 17.2; the cursor moves behind the packet. False: what follows is none, or a Retry,
// which has no end.
static bool take_packet(struct cursor *cursor, struct initial *initial)
{
	const uint8_t *header = take(cursor, 5), *length;

	if (header == NULL || (header[0] & (FORM_LONG | FIXED)) != (FORM_LONG | FIXED))
		return false;
	initial->version = version_of(header);
	if (initial->version == NULL)
		return false;
	initial->kind = ((header[0] >> TYPE_SHIFT) - initial->version->initial) & (KIND_COUNT - 1);
	if (initial->kind == KIND_RETRY)
		return false;
	initial->packet = header;
	length = take(cursor, 1);
	initial->id_length = length == NULL ? 0 : *length;
	initial->id = take(cursor, initial->id_length);
	length = take(cursor, 1);
	initial->source_id_length = length == NULL ? 0 : *length;
	take(cursor, initial->source_id_length);
	if (initial->kind == KIND_INITIAL)
		take(cursor, take_varint(cursor)); // the token
	initial->length = take_varint(cursor);
	initial->number = take(cursor, initial->length);
	return initial->number != NULL;
}

static bool is_initial(const struct initial *initial)
{
	return initial->kind == KIND_INITIAL && initial->id_length >= CONNECTION_ID_MIN &&
			initial->id_length <= CONNECTION_ID_MAX &&
			initial->source_id_length <= CONNECTION_ID_MAX &&
			initial->length >= SAMPLE_OFFSET + SAMPLE_BYTES;
}

static bool same_id(const struct initial *a, const struct initial *b)
{
	return a->id_length == b->id_length && memcmp(a->id, b->id, a->id_length) == 0;
}

static void hmac(const uint8_t *key, size_t key_length, const uint8_t *text, size_t length,
		uint8_t digest[SECRET_BYTES])
{
	struct hmac_sha256_ctx context;

	hmac_sha256_set_key(&context, key_length, key);
	hmac_sha256_update(&context, length, text);
	hmac_sha256_digest(&context, SECRET_BYTES, digest);
}

// HKDF-Expand-Label (RFC 8446 section 7.1) of at most one block, without context.
static void expand(const uint8_t secret[SECRET_BYTES], const char *prefix, const char *label,
		size_t length, uint8_t out[SECRET_BYTES])
{
	uint8_t info[48] = { 0, (uint8_t)length };
	size_t label_length = strlen("tls13 ") + strlen(prefix) + strlen(label), size = 3;

	info[2] = (uint8_t)label_length;
	for (const char *part = "tls13 "; *part != '\0'; part++)
		info[size++] = *part;
	for (; *prefix != '\0'; prefix++)
		info[size++] = *prefix;
	for (; *label != '\0'; label++)
		info[size++] = *label;
	info[size++] = 0; // bytes of context
	info[size++] = 1; // the block's number, RFC 5869 section 2.3
	hmac(secret, SECRET_BYTES, info, size, out);
}

// What protects a client's Initial packets, RFC 9001 section 5.2.
struct keys {
	uint8_t key[SECRET_BYTES], iv[SECRET_BYTES], header[SECRET_BYTES];
};

static void derive(const struct initial *initial, struct keys *keys)
{
	const struct version *version = initial->version;
	uint8_t common[SECRET_BYTES], client[SECRET_BYTES];

	hmac(version->salt, SALT_BYTES, initial->id, initial->id_length, common);
	expand(common, "", "client in", SECRET_BYTES, client);
	expand(client, version->prefix, "key", AES128_KEY_SIZE, keys->key);
	expand(client, version->prefix, "iv", IV_BYTES, keys->iv);
	expand(client, version->prefix, "hp", AES128_KEY_SIZE, keys->header);
}

// Decrypts into `text`; its length, 0 when the packet is not authentic. RFC 9001 sections 5.3, 5.4.
static size_t open_initial(const struct initial *initial, uint8_t text[DATAGRAM_MAX])
{
	const size_t before = initial->number - initial->packet;
	uint8_t header[DATAGRAM_MAX], mask[AES_BLOCK_SIZE], tag[TAG_BYTES];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	struct keys keys;
	size_t number_length, length;

	derive(initial, &keys);
	aes128_set_encrypt_key(&aes, keys.header);
	aes128_encrypt(&aes, AES_BLOCK_SIZE, mask, initial->number + SAMPLE_OFFSET);
	memcpy(header, initial->packet, before + SAMPLE_OFFSET);
	header[0] ^= mask[0] & 0x0f;
	if ((header[0] & RESERVED) != 0)
		return 0; // a server closes the connection, RFC 9000 section 17.2
	number_length = (header[0] & 3) + 1;
	for (size_t i = 0; i < number_length; i++) {
		header[before + i] ^= mask[1 + i];
		keys.iv[IV_BYTES - number_length + i] ^= header[before + i];
	}
	if (initial->length < number_length + TAG_BYTES)
		return 0;
	length = initial->length - number_length - TAG_BYTES;
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, IV_BYTES, keys.iv);
	gcm_aes128_update(&gcm, before + number_length, header);
	gcm_aes128_decrypt(&gcm, length, text, initial->number + number_length);
	gcm_aes128_digest(&gcm, TAG_BYTES, tag);
	return memcmp(tag, initial->number + number_length + length, TAG_BYTES) == 0 ? length : 0;
}

// The handshake's bytes, as far as this datagram has them.
struct crypto {
	uint8_t bytes[CRYPTO_MAX];
	uint8_t has[CRYPTO_MAX / 8]; // a bit for each
	size_t end; // behind the last one
};

static bool has_byte(const struct crypto *crypto, size_t at)
{
	return (crypto->has[at / 8] >> at % 8 & 1) != 0;
}

static void put(struct crypto *crypto, uint64_t offset, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && offset + i < CRYPTO_MAX; i++) {
		crypto->bytes[offset + i] = bytes[i];
		crypto->has[(offset + i) / 8] |= (uint8_t)(1u << (offset + i) % 8);
		if (offset + i >= crypto->end)
			crypto->end = offset + i + 1;
	}
}

// RFC 9000 section 19.3. Each step takes a byte at least.
static void skip_ack(struct cursor *cursor, bool has_ecn)
{
	uint64_t ranges;

	take_varint(cursor);
	take_varint(cursor);
	ranges = take_varint(cursor);
	take_varint(cursor);
	for (uint64_t i = 0; i < 2 * ranges && !cursor->is_short; i++)
		take_varint(cursor);
	for (unsigned i = 0; has_ecn && i < 3; i++)
		take_varint(cursor);
}

// What an Initial packet may hold (RFC 9000 section 12.4), up to anything else.
static void read_frames(const uint8_t *text, size_t length, struct crypto *crypto)
{
	struct cursor cursor = { text, text + length, false };

	while (cursor.at < cursor.end && !cursor.is_short) {
		// Most of a datagram, often.
		if (*cursor.at == FRAME_PADDING) {
			cursor.at++;
			continue;
		}
		uint64_t type = take_varint(&cursor), offset, size;
		const uint8_t *bytes;

		if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
			skip_ack(&cursor, type == FRAME_ACK_ECN);
		} else if (type == FRAME_CRYPTO) {
			offset = take_varint(&cursor);
			size = take_varint(&cursor);
			bytes = take(&cursor, size);
			if (bytes != NULL && offset < CRYPTO_MAX)
				put(crypto, offset, bytes, size);
		} else if (type != FRAME_PING) {
			return;
		}
	}
}

// Each run of bytes without a gap; the first one may be the hello's start.
static void read_crypto(const struct crypto *crypto, struct findings *findings)
{
	for (size_t start = 0, end; start < crypto->end; start = end + 1) {
		for (end = start; end < crypto->end && has_byte(crypto, end); end++)
			;
		if (start == 0 && end > 0 &&
				tls_read_hello(crypto->bytes, end, BUFFER_QUIC_SNI, findings) !=
						MATCH_MORE)
			return;
		if (start > 0 &&
				tls_find_name(crypto->bytes + start, end - start, BUFFER_QUIC_SNI,
						findings))
			return;
	}
}

static size_t try_open(const struct initial *initial, uint8_t text[DATAGRAM_MAX],
		struct findings *findings)
{
	if (findings->decryptions_left == 0) {
		findings->undecrypted++;
		return 0;
	}
	findings->decryptions_left--;
	return open_initial(initial, text);
}

// RFC 9000 section 12.2: each packet for itself, whatever becomes of the others, but none with another
// ID than the first. False: nothing opens.
static bool read_packets(struct cursor *cursor, struct crypto *crypto, struct findings *findings)
{
	struct initial initial, first = { 0 };
	uint8_t text[DATAGRAM_MAX];
	bool is_quic = false;

	for (unsigned tries = 0; tries < OPENED_MAX && take_packet(cursor, &initial);) {
		size_t length;

		if (first.packet == NULL)
			first = initial;
		if (!is_initial(&initial) || !same_id(&initial, &first))
			continue;
		tries++;
		length = try_open(&initial, text, findings);
		if (length == 0)
			continue;
		if (!is_quic) {
			memset(crypto->has, 0, sizeof(crypto->has));
			crypto->end = 0;
		}
		is_quic = true;
		read_frames(text, length, crypto);
	}
	return is_quic;
}

static enum match quic_match(const struct sample *sample, struct findings *findings)
{
	struct cursor cursor = { sample->data, sample->data + sample->length, false };
	struct crypto crypto;

	if (!sample->is_from_initiator || sample->length < DATAGRAM_MIN ||
			sample->length > DATAGRAM_MAX || !read_packets(&cursor, &crypto, findings))
		return MATCH_NO;
	read_crypto(&crypto, findings);
	return MATCH_YES;
}

const struct detector detector_quic = {
	.name = "quic",
	.app_proto = "quic",
	.protocol = IPPROTO_UDP,
	.match = quic_match,
};
