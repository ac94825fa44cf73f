"""Options by Delta Lake's names, sorted into obstore's arguments."""

from __future__ import annotations

from datetime import timedelta

import pytest

from resources.store.options import ClientOptions, obstore_options


def test_options_go_to_whom_they_are_of() -> None:
    """To the store, the HTTP client or the retries; with a provider's prefix or without, in any case."""
    found = obstore_options(
        {
            "AWS_ACCESS_KEY_ID": "key",
            "region": "eu-west-1",
            "AWS_ALLOW_HTTP": "true",
            "timeout": "60s",
            "azure_proxy_url": "http://proxy",
            "max_retries": "3",
            "retry_timeout": "1m 30s",
            "backoff_config.init_backoff": "250ms",
            "backoff_config.base": "1.5",
        }
    )
    assert found == ClientOptions(
        config={"aws_access_key_id": "key", "region": "eu-west-1"},
        client={"allow_http": "true", "timeout": "60s", "proxy_url": "http://proxy"},
        retry={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=90),
            "backoff": {"init_backoff": timedelta(milliseconds=250), "base": 1.5},
        },
    )


@pytest.mark.parametrize(
    "name",
    [
        "AWS_S3_ALLOW_UNSAFE_RENAME",
        "AWS_S3_LOCKING_PROVIDER",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "DELTA_DYNAMO_TABLE_NAME",
        "MOUNT_ALLOW_UNSAFE_RENAME",
        "OBJECT_STORE_CONCURRENCY_LIMIT",
        "file_cache_ttl",
    ],
)
def test_options_of_delta_commits_and_polars_are_left_out(name: str) -> None:
    """They say nothing of how objects are read and written."""
    assert obstore_options({name: "1"}) == ClientOptions()


@pytest.mark.parametrize(
    "name", ["AWS_S3_EXPRESS", "AWS_IAM_ROLE_ARN", "AWS_S3_ASSUME_ROLE_ARN", "AWS_PROFILE"]
)
def test_no_option_of_the_store_or_its_credentials_is_left_out(name: str) -> None:
    """Obstore takes it or refuses it; without it, other credentials than the ones asked for would be used."""
    assert obstore_options({name: "x"}).config == {name.lower(): "x"}


@pytest.mark.parametrize("text", ["", "soon", "30", "30 parsecs!", "s30"])
def test_a_length_of_time_of_another_form_is_refused(text: str) -> None:
    """The message says which option it is."""
    with pytest.raises(ValueError, match="retry_timeout is no length of time"):
        obstore_options({"retry_timeout": text})
