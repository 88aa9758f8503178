/* layout.c - how the C compiler lays out every structure of the header. tests/abi.rs compares. */
#include <pointcard.h>
#include <stdio.h>

/* Alignment without C11: what a char before it makes of the offset. */
#define STRUCT(type) \
    do { \
        struct probe { \
            char before; \
            type value; \
        }; \
        printf("%s %u\n%s! %u\n", #type, (unsigned)sizeof(type), #type, \
               (unsigned)offsetof(struct probe, value)); \
    } while (0)
#define MEMBER(type, member) printf("%s.%s %u\n", #type, #member, (unsigned)offsetof(type, member))

int main(void)
{
    STRUCT(pointcard_detail);
    MEMBER(pointcard_detail, struct_size);
    MEMBER(pointcard_detail, status);
    MEMBER(pointcard_detail, what);
    MEMBER(pointcard_detail, at);
    MEMBER(pointcard_detail, port);
    MEMBER(pointcard_detail, http_status);
    MEMBER(pointcard_detail, authenticated);
    MEMBER(pointcard_detail, reserved);
    MEMBER(pointcard_detail, code);
    MEMBER(pointcard_detail, sub_code);
    MEMBER(pointcard_detail, text);
    STRUCT(pointcard_fault);
    MEMBER(pointcard_fault, struct_size);
    MEMBER(pointcard_fault, status);
    MEMBER(pointcard_fault, at);
    MEMBER(pointcard_fault, what);
    MEMBER(pointcard_fault, text);
    STRUCT(pointcard_key);
    STRUCT(pointcard_param);
    MEMBER(pointcard_param, name);
    MEMBER(pointcard_param, value);
    STRUCT(pointcard_storage);
    MEMBER(pointcard_storage, status);
    MEMBER(pointcard_storage, port);
    MEMBER(pointcard_storage, ctx);
    MEMBER(pointcard_storage, sector_size);
    MEMBER(pointcard_storage, sector_count);
    MEMBER(pointcard_storage, prog_size);
    MEMBER(pointcard_storage, align);
    MEMBER(pointcard_storage, read);
    MEMBER(pointcard_storage, prog);
    MEMBER(pointcard_storage, erase);
    MEMBER(pointcard_storage, sync);
    MEMBER(pointcard_storage, reassert);
    MEMBER(pointcard_storage, close);
    STRUCT(pointcard_clock);
    MEMBER(pointcard_clock, ctx);
    MEMBER(pointcard_clock, monotonic_ms);
    MEMBER(pointcard_clock, unix_time);
    STRUCT(pointcard_entropy);
    MEMBER(pointcard_entropy, ctx);
    MEMBER(pointcard_entropy, fill);
    STRUCT(pointcard_signer);
    MEMBER(pointcard_signer, ctx);
    MEMBER(pointcard_signer, sign);
    STRUCT(pointcard_request);
    MEMBER(pointcard_request, exchange);
    MEMBER(pointcard_request, url);
    MEMBER(pointcard_request, url_len);
    MEMBER(pointcard_request, content_type);
    MEMBER(pointcard_request, body);
    MEMBER(pointcard_request, body_len);
    STRUCT(pointcard_response);
    MEMBER(pointcard_response, body);
    MEMBER(pointcard_response, body_cap);
    MEMBER(pointcard_response, body_len);
    MEMBER(pointcard_response, http_status);
    MEMBER(pointcard_response, reserved);
    MEMBER(pointcard_response, retry_after_s);
    MEMBER(pointcard_response, date);
    STRUCT(pointcard_transport);
    MEMBER(pointcard_transport, ctx);
    MEMBER(pointcard_transport, exchange);
    STRUCT(pointcard_lock);
    MEMBER(pointcard_lock, ctx);
    MEMBER(pointcard_lock, acquire);
    MEMBER(pointcard_lock, release);
    STRUCT(pointcard_file);
    STRUCT(pointcard_ram);
    STRUCT(pointcard_client);
    STRUCT(pointcard_config);
    MEMBER(pointcard_config, struct_size);
    MEMBER(pointcard_config, flags);
    MEMBER(pointcard_config, gateway);
    MEMBER(pointcard_config, app_id);
    MEMBER(pointcard_config, merchant);
    MEMBER(pointcard_config, app_auth_token);
    MEMBER(pointcard_config, private_key);
    MEMBER(pointcard_config, app_public_key);
    MEMBER(pointcard_config, alipay_public_key);
    MEMBER(pointcard_config, activity_account);
    MEMBER(pointcard_config, shop_id);
    MEMBER(pointcard_config, sign_type);
    MEMBER(pointcard_config, max_points);
    MEMBER(pointcard_config, storage);
    MEMBER(pointcard_config, clock);
    MEMBER(pointcard_config, entropy);
    MEMBER(pointcard_config, signer);
    MEMBER(pointcard_config, transport);
    MEMBER(pointcard_config, lock);
    MEMBER(pointcard_config, on_outcome);
    MEMBER(pointcard_config, on_outcome_ctx);
    MEMBER(pointcard_config, ca_pem);
    MEMBER(pointcard_config, proxy);
    STRUCT(pointcard_sale);
    MEMBER(pointcard_sale, struct_size);
    MEMBER(pointcard_sale, points);
    MEMBER(pointcard_sale, user_id);
    MEMBER(pointcard_sale, biz_no);
    MEMBER(pointcard_sale, memo);
    MEMBER(pointcard_sale, ext_info);
    MEMBER(pointcard_sale, shop_id);
    MEMBER(pointcard_sale, activity_account);
    MEMBER(pointcard_sale, req_id);
    MEMBER(pointcard_sale, part);
    STRUCT(pointcard_ticket);
    MEMBER(pointcard_ticket, struct_size);
    MEMBER(pointcard_ticket, duplicate);
    MEMBER(pointcard_ticket, seq);
    MEMBER(pointcard_ticket, req_id);
    STRUCT(pointcard_report);
    MEMBER(pointcard_report, struct_size);
    MEMBER(pointcard_report, sent);
    MEMBER(pointcard_report, accepted);
    MEMBER(pointcard_report, rejected);
    MEMBER(pointcard_report, uncertain);
    MEMBER(pointcard_report, unknown);
    MEMBER(pointcard_report, deferred);
    MEMBER(pointcard_report, waiting);
    MEMBER(pointcard_report, retry_in_ms);
    MEMBER(pointcard_report, clock_wrong);
    MEMBER(pointcard_report, held);
    STRUCT(pointcard_balance);
    MEMBER(pointcard_balance, struct_size);
    MEMBER(pointcard_balance, waiting_entries);
    MEMBER(pointcard_balance, waiting_points);
    MEMBER(pointcard_balance, available_points);
    MEMBER(pointcard_balance, freezed_points);
    MEMBER(pointcard_balance, total_points);
    STRUCT(pointcard_outcome);
    MEMBER(pointcard_outcome, struct_size);
    MEMBER(pointcard_outcome, verdict);
    MEMBER(pointcard_outcome, status);
    MEMBER(pointcard_outcome, attempts);
    MEMBER(pointcard_outcome, seq);
    MEMBER(pointcard_outcome, points);
    MEMBER(pointcard_outcome, retry_in_ms);
    MEMBER(pointcard_outcome, available_points);
    MEMBER(pointcard_outcome, freezed_points);
    MEMBER(pointcard_outcome, total_points);
    MEMBER(pointcard_outcome, req_id);
    MEMBER(pointcard_outcome, point_log_no);
    STRUCT(pointcard_queue_info);
    MEMBER(pointcard_queue_info, struct_size);
    MEMBER(pointcard_queue_info, waiting);
    MEMBER(pointcard_queue_info, sent_unknown);
    MEMBER(pointcard_queue_info, parked);
    MEMBER(pointcard_queue_info, dead);
    MEMBER(pointcard_queue_info, room);
    MEMBER(pointcard_queue_info, points);
    MEMBER(pointcard_queue_info, oldest);
    MEMBER(pointcard_queue_info, next_seq);
    MEMBER(pointcard_queue_info, sealed);
    MEMBER(pointcard_queue_info, repaired);
    MEMBER(pointcard_queue_info, lost);
    STRUCT(pointcard_cursor);
    STRUCT(pointcard_entry);
    MEMBER(pointcard_entry, struct_size);
    MEMBER(pointcard_entry, state);
    MEMBER(pointcard_entry, seq);
    MEMBER(pointcard_entry, created);
    MEMBER(pointcard_entry, points);
    MEMBER(pointcard_entry, attempts);
    MEMBER(pointcard_entry, uncertain);
    MEMBER(pointcard_entry, code);
    MEMBER(pointcard_entry, sub_code);
    MEMBER(pointcard_entry, req_id);
    MEMBER(pointcard_entry, user_id);
    MEMBER(pointcard_entry, biz_no);
    MEMBER(pointcard_entry, shop_id);
    MEMBER(pointcard_entry, activity_account);
    MEMBER(pointcard_entry, memo);
    return 0;
}
