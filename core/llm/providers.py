"""The providers whose models can be asked: one line each, by the name in the configuration."""

from __future__ import annotations

from core.llm.anthropic_endpoint import AnthropicEndpoint
from core.llm.exchange import SdkEndpoint
from core.llm.openai_endpoint import OpenAiEndpoint

ENDPOINTS: dict[str, type[SdkEndpoint]] = {
    "openai": OpenAiEndpoint,
    "anthropic": AnthropicEndpoint,
}
