"""The audit log: who asked what, for whom, and what came of it; nothing can be altered unseen."""

from kgnode.audit.log import Audit
from kgnode.audit.verify import AuditReport, tail, verify

__all__ = ["Audit", "AuditReport", "tail", "verify"]
