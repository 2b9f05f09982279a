"""The tables. Importing this module loads all of them."""

from csctl.models import checks
from csctl.models.administration import (
    NO_TOKEN,
    AuditRow,
    AuditSeal,
    BlacklistEntry,
    GatewayAccount,
    GatewayCursor,
    Installation,
    Move,
    Operator,
    ShopSetting,
)
from csctl.models.approval import Approval, ApprovalDecision
from csctl.models.catalog import PricePoint, Product, ProductOption
from csctl.models.columns import Base
from csctl.models.customer import Customer, HistoryEntry, PaymentMethod
from csctl.models.deferred import DeferredChange
from csctl.models.email import Email, NotifyEmail
from csctl.models.order import Fulfillment, Order, Purchase
from csctl.models.run import Run, RunRecord
from csctl.models.transaction import QueueItem, Request, Transaction

checks.add_to(Base.metadata)

__all__ = [
    "NO_TOKEN",
    "Approval",
    "ApprovalDecision",
    "AuditRow",
    "AuditSeal",
    "Base",
    "BlacklistEntry",
    "Customer",
    "DeferredChange",
    "Email",
    "Fulfillment",
    "GatewayAccount",
    "GatewayCursor",
    "HistoryEntry",
    "Installation",
    "Move",
    "NotifyEmail",
    "Operator",
    "Order",
    "PaymentMethod",
    "PricePoint",
    "Product",
    "ProductOption",
    "Purchase",
    "QueueItem",
    "Request",
    "Run",
    "RunRecord",
    "ShopSetting",
    "Transaction",
]
